"""The HTTP API of the core."""
