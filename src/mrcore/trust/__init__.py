"""Who is asking, and what is on record of it: logins, the audit and its anchor."""
