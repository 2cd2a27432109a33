"""Policies of sessions: what happens where a session is used from elsewhere than where it began.

The program before does not know it: the uses that it records are held to no place.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the columns; the program before reads neither."""
    for name in ("bind_asn", "bind_country"):
        op.add_column("session_policies", _text(name, 8))


def _text(name: str, length: int) -> sa.Column[str]:
    kind: Any = sa.String
    return sa.Column(name, kind(length).with_variant(kind(length, collation="C"), "postgresql"), nullable=True)
