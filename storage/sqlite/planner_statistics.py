"""What SQLite's planner is told about the tables.

Without statistics it takes any index on `tenant_id` to be as good as any other, and reads a whole tenant to
answer for one user. Statistics gathered from the data would change plans as the data changes; these are fixed, so a
statement has the same plan on the first day and on the last
(https://www.sqlite.org/optoverview.html, "Manual Control Of Query Plans Using SQLITE_STAT Tables").
"""

from sqlalchemy import Column, Connection, MetaData, Table, Text, delete, insert, select

_SCHEMA = Table("sqlite_master", MetaData(), Column("name", Text))
_STATISTICS = Table("sqlite_stat1", MetaData(), Column("tbl", Text), Column("idx", Text), Column("stat", Text))

_ROWS = (
    # (table, index, rows in the table, then rows for one value of the first column, of the first two, ...)
    ("sessions", "sessions", "1000000 50000 1"),
    ("sessions", "ix_sessions_user", "1000000 50000 10 1"),
    ("sessions", "ix_sessions_open", "300000 15000 3 1"),
    ("sessions", "ix_sessions_active", "300000 15000 3 1"),  # until the end of the migration that replaces it
    ("sessions", "ix_sessions_revoked", "50000 2500 1"),
    ("sessions", "ix_sessions_due", "300000 15000 2"),
    ("sessions", "ix_sessions_device", "500000 25000 5"),
    ("events", "ux_events_number", "1000000 1"),
    ("events", "ix_events_tenant", "1000000 50000 1"),
    ("events", "ix_events_waiting", "100 1"),
    ("events", "ix_events_user", "900000 45000 20"),
    ("events", "ix_events_actor", "100000 5000 20"),
    ("events", "ix_events_kept", "100000 1"),
    ("sessions", "ix_sessions_ended_by", "50000 2500 5"),
    ("sessions", "ix_sessions_impersonator", "1000 50 5"),
    ("sessions", "ix_sessions_provider", "100000 5000 1"),
    ("kept_answers", "ix_kept_answers_user", "10000 500 5"),
    ("kept_answers", "ix_kept_answers_expiry", "10000 500 1"),
    ("trusted_devices", "ix_trusted_devices_user", "100000 5000 2 1"),
    ("trusted_devices", "ux_trusted_devices_fact", "100000 5000 2 1"),
    ("trusted_devices", "ix_trusted_devices_fingerprint", "100000 5000 2"),
)


def fix_plans(connection: Connection) -> None:
    """Write the statistics; connections opened from now on plan by them."""
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # makes the table of statistics where there is none
    connection.execute(delete(_STATISTICS))
    there = set(connection.scalars(select(_SCHEMA.c.name)))  # of an unknown index they would be taken for the table's
    connection.execute(
        insert(_STATISTICS),
        [{"tbl": table, "idx": index, "stat": stat} for table, index, stat in _ROWS if index in there],
    )
