"""syncd status: what wants looking at, what to type, and the figures of /metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from syncd.cli.session import Session
from syncd.push.plan import Hold
from syncd.push.store import hold_channel
from tests.support.cli import SHOP, Shop

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_it_says_what_is_wrong_and_what_to_type(shop: Shop) -> None:
    """Exit code 1 and a sentence for each: no daemon, a held channel; the same figures as JSON under their names."""
    toml = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(f"[http]\nport = 9\n{toml}", encoding="utf-8")

    async def hold(session: Session) -> None:
        await session.writer.write(hold_channel(Hold(SHOP, "half would fall to 0", NOW)))

    shop.within(hold)
    said = shop.syncd("status", "--once")
    assert said.code == 1
    assert "2 things want looking at." in said.out
    assert "start it with: syncd run" in said.out
    assert "agree with: syncd release shop" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    told = shop.syncd("status", "--json")
    assert told.code == 1
    assert {"name": "syncd_channel_held", "labels": {"channel": "shop"}, "value": 1} in told.json["figures"]
    assert len(told.json["problems"]) == 2
