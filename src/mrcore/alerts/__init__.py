"""Rules, what becomes of them, and who is told."""
