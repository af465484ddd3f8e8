"""Tests of the Mr. Mentor backend."""
