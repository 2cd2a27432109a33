"""The engine SQLite."""
