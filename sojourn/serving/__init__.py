"""A process that serves: its protocol, its start, its end."""
