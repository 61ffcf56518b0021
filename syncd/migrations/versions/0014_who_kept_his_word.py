"""Suppliers' records decide how much of them is believed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import ExactDecimal, UtcDateTime

revision = "0014"
down_revision = "0013"
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
