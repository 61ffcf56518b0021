"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import syncd.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "balance",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity >= 0 OR substr(account, 1, 8) = 'outside/'", name="balance_not_below_zero"),
        sa.PrimaryKeyConstraint("sku", "account"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "barcode",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    with op.batch_alter_table("barcode", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_barcode_sku"), ["sku"], unique=False)

    op.create_table(
        "channel_hold",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("held_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("released_until", syncd.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "customer_order",
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("modified_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("imported_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("before_start", sa.Boolean(), nullable=False),
        sa.Column("total", syncd.db.ExactDecimal(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("buyer_id", sa.String(), nullable=False),
        sa.Column("buyer_name", sa.String(), nullable=False),
        sa.Column("buyer_email", sa.String(), nullable=False),
        sa.Column("buyer_language", sa.String(), nullable=False),
        sa.Column("ship_to", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("order_key"),
    )
    with op.batch_alter_table("customer_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_customer_order_channel"), ["channel"], unique=False)
        batch_op.create_index(batch_op.f("ix_customer_order_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_customer_order_status"), ["status"], unique=False)

    op.create_table(
        "demand",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("purchased", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("short_since", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("forgone", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "line_id", "sku"),
    )
    with op.batch_alter_table("demand", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_demand_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_demand_short"), ["short"], unique=False)

    op.create_table(
        "hint",
        sa.Column("hint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("delivery_key", sa.String(), nullable=False),
        sa.Column("received_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("available", sa.Integer(), nullable=True),
        sa.Column("sold", sa.Integer(), nullable=True),
        sa.Column("asked_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("hint_id"),
        sa.UniqueConstraint("delivery_key"),
    )
    with op.batch_alter_table("hint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hint_channel"), ["channel"], unique=False)
        batch_op.create_index(batch_op.f("ix_hint_done"), ["done"], unique=False)

    op.create_table(
        "letter",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("written_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("sent_at", syncd.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("reference"),
    )
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_letter_status"), ["status"], unique=False)

    op.create_table(
        "listing",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("sku_on_channel", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("price", syncd.db.ExactDecimal(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("seen_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=True),
        sa.Column("shown_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("shown_sold", sa.Integer(), nullable=False),
        sa.Column("read_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("sold", sa.Integer(), nullable=True),
        sa.Column("counted_from", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("imported", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("hinted", sa.Integer(), nullable=False),
        sa.Column("hinted_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("in_flight", sa.Integer(), nullable=False),
        sa.Column("disagreed_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("fell_at", syncd.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "listing_id"),
    )
    op.create_table(
        "listing_component",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "listing_id", "sku"),
    )
    with op.batch_alter_table("listing_component", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_listing_component_sku"), ["sku"], unique=False)

    op.create_table(
        "movement",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("happened_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("recorded_at", syncd.db.UtcDateTime(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="movement_quantity_positive"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "offer",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("supplier_sku", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("as_of", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("cost", syncd.db.ExactDecimal(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("supplier", "supplier_sku"),
    )
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offer_sku"), ["sku"], unique=False)

    op.create_table(
        "order_cursor",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("since", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("watermark_at", syncd.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "order_line",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.Column("sku", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("refunded", sa.Integer(), nullable=False),
        sa.Column("decremented", sa.Integer(), nullable=True),
        sa.Column("unit_price", syncd.db.ExactDecimal(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "line_id"),
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_order_line_linked"), ["linked"], unique=False)
        batch_op.create_index(batch_op.f("ix_order_line_order_key"), ["order_key"], unique=False)

    op.create_table(
        "product",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
    )
    op.create_table(
        "purchase",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("supplier_sku", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("reference", "channel", "line_id", "supplier_sku"),
    )
    with op.batch_alter_table("purchase", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_purchase_supplier_sku"), ["supplier_sku"], unique=False)

    op.create_table(
        "purchase_order",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("answered_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("ship_to", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("supplier_reference", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference"),
    )
    with op.batch_alter_table("purchase_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_purchase_order_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_purchase_order_status"), ["status"], unique=False)
        batch_op.create_index(batch_op.f("ix_purchase_order_supplier"), ["supplier"], unique=False)

    op.create_table(
        "push",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("target_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("sent", sa.Integer(), nullable=True),
        sa.Column("sent_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("acknowledged", sa.Integer(), nullable=True),
        sa.Column("acknowledged_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("read_back", sa.Integer(), nullable=True),
        sa.Column("read_back_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("parked", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "listing_id"),
    )
    with op.batch_alter_table("push", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_push_pending"), ["pending"], unique=False)

    op.create_table(
        "question",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("asked_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("closed_at", syncd.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "subject"),
    )
    op.create_table(
        "refund",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", syncd.db.ExactDecimal(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("asked_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("refund_id", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reference"),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_status"), ["status"], unique=False)

    op.create_table(
        "reservation",
        sa.Column("reservation_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("fulfilled", sa.Integer(), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("held_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("expires_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("channel_holds", sa.Boolean(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("reservation_id"),
    )
    with op.batch_alter_table("reservation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reservation_channel"), ["channel"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservation_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservation_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservation_sku"), ["sku"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservation_status"), ["status"], unique=False)

    op.create_table(
        "scan",
        sa.Column("scan_id", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("happened_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("recorded_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("scan_id"),
    )
    op.create_table(
        "shortage_case",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("order_key", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("opened_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("deadline_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("chosen", sa.String(), nullable=True),
        sa.Column("chosen_by", sa.String(), nullable=False),
        sa.Column("resolved_at", syncd.db.UtcDateTime(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )
    with op.batch_alter_table("shortage_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shortage_case_order_key"), ["order_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_shortage_case_status"), ["status"], unique=False)

    op.create_table(
        "supplier_feed",
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("as_of", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("fetched_at", syncd.db.UtcDateTime(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("held_version", sa.String(), nullable=False),
        sa.Column("released_version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("supplier"),
    )
    op.create_table(
        "touched",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_touched_dirty", "touched", ["sku"], sqlite_where=sa.text("dirty = 1"), postgresql_where=sa.text("dirty")
    )
