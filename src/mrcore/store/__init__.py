"""What the core keeps: two SQLite files, each with one thread that writes and reads it."""
