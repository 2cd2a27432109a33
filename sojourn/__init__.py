"""A self-hosted session service."""

__version__ = "0.1.0"
