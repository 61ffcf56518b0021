"""What a customer chose: substitutes stand for what was ordered, cases count how often they asked, letters have two
dresses and are tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncd.db import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ADDED = (
    ("demand", "instead_of", sa.String(), ""),
    ("shortage_case", "asked", sa.Integer(), "0"),
    ("letter", "html", sa.String(), ""),
    ("letter", "attempts", sa.Integer(), "0"),
)


def upgrade() -> None:
    """Bring the tables forward. Cases that wait for an answer were asked once."""
    for table, name, kind, default in ADDED:
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(name, existing_type=kind, server_default=None)
    with op.batch_alter_table("shortage_case") as batch_op:
        batch_op.add_column(sa.Column("instead", sa.String(), nullable=True))
    with op.batch_alter_table("letter") as batch_op:
        batch_op.add_column(sa.Column("next_attempt_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE shortage_case SET asked = 1 WHERE status != 'open'")
