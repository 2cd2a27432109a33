"""The entry point of Alembic: it runs on the connection of `sojourn.storage.schema.revisions`."""

from alembic import context
from sqlmodel import SQLModel

from sojourn.storage.schema import (  # noqa: F401 - the tables register themselves
    audit_tables,
    event_tables,
    plan_tables,
    policy_tables,
    rollup_tables,
    tables,
    token_tables,
    webhook_tables,
)

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
with context.begin_transaction():
    context.run_migrations()
