"""The column type of instants."""

from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[str]):
    """An instant as the text of `sojourn.domain.clock`: 24 characters that sort like time.

    SQLite keeps the text itself. PostgreSQL keeps `timestamptz` and reads and writes the same text.
    """

    impl = String(24)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The engine's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True, precision=3))
        return dialect.type_descriptor(String(24))
