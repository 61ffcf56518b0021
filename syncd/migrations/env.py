"""Alembic's entry: runs migrations on the connection handed over by `schema.py`."""

from __future__ import annotations

from alembic import context

from syncd.migrations.tables import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema(),
    render_as_batch=True,
    compare_type=True,
    user_module_prefix="syncd.db.",
)
with context.begin_transaction():
    context.run_migrations()
