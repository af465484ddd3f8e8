"""The processes behind a local control room, and their supervisor."""
