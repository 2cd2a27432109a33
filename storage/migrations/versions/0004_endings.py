"""Why a session ended, as one of a closed set beside the free reason; where its last activity came from.

What ended before has no code and is shown as `unspecified`, but for a refresh token that was used twice: risk counts
those, and who wrote the reason tells them from a text that merely reads so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

REUSE = (
    "UPDATE sessions SET reason_code = 'refresh_token_reuse'"
    " WHERE revoked_at IS NOT NULL AND revoked_by = 'sojourn' AND revoke_reason = 'refresh_token_reuse'"
)


def upgrade() -> None:
    """Add the columns; the program before writes beside them."""
    op.add_column("sessions", _text("reason_code", 32))
    op.add_column("sessions", _text("last_ip", 45))
    op.add_column("sessions", _text("last_user_agent"))
    if op.get_bind().dialect.name != "postgresql":
        op.execute(REUSE)
        return
    for (tenant,) in op.get_bind().execute(sa.text("SELECT id FROM tenants")).all():  # row security shows one at a time
        op.get_bind().execute(sa.text("SELECT set_config('sojourn.tenant', :tenant, true)"), {"tenant": tenant})
        op.get_bind().execute(sa.text(f"{REUSE} AND tenant_id = :tenant"), {"tenant": tenant})


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    plain: sa.Text | sa.String = sa.Text() if length is None else sa.String(length)
    ordered = sa.Text(collation="C") if length is None else sa.String(length, collation="C")
    return sa.Column(name, plain.with_variant(ordered, "postgresql"), nullable=True)
