"""Game days: a fault in real parts, and the alert, diagnosis and recovery that it must lead to."""
