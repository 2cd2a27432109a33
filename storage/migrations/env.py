"""Alembic's way in: it runs on the connection that `sojourn.storage.schema.revisions` lends it."""

from alembic import context
from sqlmodel import SQLModel

from sojourn.storage.schema import audit_tables, tables, token_tables  # noqa: F401 - the tables register themselves

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
