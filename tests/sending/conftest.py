"""A database of either engine, as the tests of storage have it."""

from tests.storage.conftest import store

__all__ = ["store"]
