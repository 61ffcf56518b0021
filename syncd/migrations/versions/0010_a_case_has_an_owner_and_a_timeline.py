"""A case has an owner and a timeline, one line has one open case for a SKU, and refunds say when they were made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import ExactDecimal, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("status != 'resolved'")


def upgrade() -> None:
    """Bring the tables forward. Cases of before begin their timeline with how they stand."""
    with op.batch_alter_table("shortage_case") as batch_op:
        batch_op.add_column(sa.Column("owner", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("shortage_case") as batch_op:
        batch_op.alter_column("owner", existing_type=sa.String(), server_default=None)
    op.create_index(
        "one_open_case",
        "shortage_case",
        ["channel", "line_id", "sku"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    with op.batch_alter_table("refund") as batch_op:
        batch_op.add_column(sa.Column("done_at", UtcDateTime(), nullable=True))
    op.create_table(
        "case_entry",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("amount", ExactDecimal(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("ix_case_entry_at", "case_entry", ["at"])
    op.create_index("ix_case_entry_case", "case_entry", ["case_id", "position"])
    op.execute(
        "INSERT INTO case_entry (case_id, at, kind, by, words, status) "
        "SELECT case_id, opened_at, 'step', 'syncd', cause, status FROM shortage_case"
    )
