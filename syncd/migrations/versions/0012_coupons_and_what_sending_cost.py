"""Coupons have rows, orders say what sending them cost, and refunds which part of them was for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import ExactDecimal, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward. Refunds of before gave nothing for sending; orders tell when they come again."""
    with op.batch_alter_table("customer_order") as batch_op:
        batch_op.add_column(sa.Column("shipping", ExactDecimal(), nullable=True))
    with op.batch_alter_table("refund") as batch_op:
        batch_op.add_column(sa.Column("shipping", ExactDecimal(), nullable=False, server_default="0"))
    with op.batch_alter_table("refund") as batch_op:
        batch_op.alter_column("shipping", existing_type=ExactDecimal(), server_default=None)
    op.create_table(
        "coupon",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("percent", ExactDecimal(), nullable=False),
        sa.Column("amount", ExactDecimal(), nullable=True),
        sa.Column("minimum", ExactDecimal(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("coupon_id", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=True),
        sa.Column("told_in", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference"),
        sa.UniqueConstraint("code"),
    )
    for column in ("asked_at", "order_key", "status"):
        op.create_index(f"ix_coupon_{column}", "coupon", [column])
