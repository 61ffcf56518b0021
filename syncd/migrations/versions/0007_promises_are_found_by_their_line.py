"""Promises are found by their order line; no index of what nobody looks for is kept beside every promise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    for column in ("channel", "status", "expires_at"):
        op.drop_index(f"ix_reservation_{column}", "reservation")
    op.create_index("ix_reservation_line_id", "reservation", ["line_id"])
    may_expire = sa.text("expires_at IS NOT NULL")
    op.create_index(
        "ix_reservation_expires_at",
        "reservation",
        ["expires_at"],
        sqlite_where=may_expire,
        postgresql_where=may_expire,
    )
