"""Suppliers' records decide how much of them is believed; customers tell from their order's page what went wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import ExactDecimal, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "supplier_trust",
        sa.Column("supplier", sa.String(), primary_key=True),
        sa.Column("share", ExactDecimal(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("as_of", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "customer_word",
        sa.Column("word_id", sa.String(), primary_key=True),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_customer_word_order_key", "customer_word", ["order_key"])
