"""The engine PostgreSQL."""
