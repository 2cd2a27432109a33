"""The documentation that the server serves itself, without asking any other server: `/`, `/docs` and below."""
