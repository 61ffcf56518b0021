"""Why a listing showed what it showed, how fast things sell, what calls cost, and what a read-back is compared with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import UtcDateTime

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    _add_columns()
    op.create_table(
        "journal",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
    )
    op.create_index("ix_journal_listing", "journal", ["channel", "listing_id", "position"])
    op.create_table(
        "velocity",
        sa.Column("sku", sa.String(), primary_key=True),
        sa.Column("channel", sa.String(), primary_key=True),
        sa.Column("rush", sa.Float(), nullable=False),
        sa.Column("steady", sa.Float(), nullable=False),
        sa.Column("as_of", UtcDateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "delay",
        sa.Column("channel", sa.String(), primary_key=True),
        sa.Column("way", sa.String(), primary_key=True),
        sa.Column("mean_seconds", sa.Float(), nullable=False),
        sa.Column("spread_seconds", sa.Float(), nullable=False),
        sa.Column("measured_at", UtcDateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "fold",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "budget",
        sa.Column("channel", sa.String(), primary_key=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
    )
    op.create_table(
        "race",
        sa.Column("channel", sa.String(), primary_key=True),
        sa.Column("race", sa.String(), primary_key=True),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(timezone=True), nullable=False),
    )


def _add_columns() -> None:
    """Rows that are there get the values they would have been given."""
    zero = sa.text("0")
    for name in ("risk", "stale", "revised"):
        op.add_column("push", sa.Column(name, sa.Integer(), nullable=False, server_default=zero))
    for name in ("replaced", "counted"):
        op.add_column("push", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("push", sa.Column("revised_on", sa.Date(), nullable=True))
    op.drop_index("ix_push_pending", "push")
    op.create_index(
        "ix_push_due",
        "push",
        ["channel", "risk", "target_at"],
        sqlite_where=sa.text("pending = 1 AND parked = ''"),
        postgresql_where=sa.text("pending AND parked = ''"),
    )
    op.add_column("listing", sa.Column("drift", sa.Integer(), nullable=False, server_default=zero))
    op.create_index(
        "ix_listing_drift",
        "listing",
        ["channel"],
        sqlite_where=sa.text("drift <> 0"),
        postgresql_where=sa.text("drift <> 0"),
    )
