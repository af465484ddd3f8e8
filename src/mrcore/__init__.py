"""The headless core of the control room: it watches, acts and records."""
