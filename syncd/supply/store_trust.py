"""How much of each supplier's offers is believed because of his record, as rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from syncd.db import ExactDecimal, UtcDateTime, table_of


class TrustRow(SQLModel, table=True):
    """How much of a supplier's offers his record lets us believe."""

    __tablename__ = "supplier_trust"

    supplier: str = Field(primary_key=True)
    share: Decimal = Field(sa_column=Column(ExactDecimal, nullable=False))
    kept: int
    asked: int
    as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


supplier_trust = table_of(TrustRow)
