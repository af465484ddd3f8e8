"""The control room's screen: a client of mrcore."""
