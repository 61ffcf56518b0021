"""Customers who agreed to it are wished a happy birthday."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "birthday",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("agreed_at", UtcDateTime(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "buyer_id"),
    )
    op.create_index("ix_birthday_month", "birthday", ["month"])
