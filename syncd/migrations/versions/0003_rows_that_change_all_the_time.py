"""Balances and marks are kept in one tree each; marks are found by those set, movements by when they happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.drop_index("ix_touched_dirty", "touched")
    if op.get_bind().dialect.name == "sqlite":
        one_tree = {"sqlite_with_rowid": False}
        for table in ("balance", "touched"):
            with op.batch_alter_table(table, recreate="always", table_kwargs=one_tree):
                pass
    else:
        for table in ("balance", "touched"):
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")
    op.create_index(
        "ix_touched_dirty", "touched", ["sku"], sqlite_where=sa.text("dirty = 1"), postgresql_where=sa.text("dirty")
    )
    op.create_index("ix_movement_happened_at", "movement", ["happened_at"])
