"""All slots of a backend: a row among those of its mentors."""

from __future__ import annotations

from mrtui.columns import mentor

TABLE = mentor.TABLE
