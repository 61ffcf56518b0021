"""Orders know their address by a digest and whose copy they are; orders that could not be read are kept; invoices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import ExactDecimal, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward. Orders known so far have no digest until their channel tells of them again."""
    for table, columns in (
        ("customer_order", (sa.Column("copy_of", sa.String(), nullable=False, server_default=""),)),
        ("customer_order", (sa.Column("address_key", sa.String(), nullable=False, server_default=""),)),
        ("order_line", (sa.Column("aside", sa.Integer(), nullable=False, server_default="0"),)),
    ):
        with op.batch_alter_table(table) as batch_op:
            for column in columns:
                batch_op.add_column(column)
    with op.batch_alter_table("customer_order") as batch_op:
        batch_op.alter_column("copy_of", existing_type=sa.String(), server_default=None)
        batch_op.alter_column("address_key", existing_type=sa.String(), server_default=None)
    with op.batch_alter_table("order_line") as batch_op:
        batch_op.alter_column("aside", existing_type=sa.Integer(), server_default=None)
    op.create_index("ix_customer_order_address_key", "customer_order", ["address_key"])
    op.create_table(
        "unread_order",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "order_id"),
    )
    op.create_table(
        "invoice",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("line_ids", sa.JSON(), nullable=False),
        sa.Column("order_keys", sa.JSON(), nullable=False),
        sa.Column("shipping", ExactDecimal(), nullable=False),
        sa.Column("total", ExactDecimal(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("reference"),
    )
    op.create_index("ix_invoice_channel", "invoice", ["channel"])
    op.create_index("ix_invoice_status", "invoice", ["status"])
