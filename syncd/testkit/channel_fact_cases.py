"""The kit's cases about what a connector declares, how it counts and what it keeps to itself."""
# ruff: noqa: S101  # the cases are made of assertions

from __future__ import annotations

import ast
import inspect
import logging
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from syncd.channel.port import (
    Channel,
    IssuesCoupons,
    MessagesBuyers,
    NotesOrders,
    ReadsOrders,
    ReadsQuantities,
    ReceivesWebhooks,
    RefundsOrders,
    RegistersWebhooks,
)
from syncd.channel.registry import load_connector
from syncd.testkit.channel_reading import all_listings, all_orders, assert_untold, methods_of, settle
from syncd.testkit.channel_rig import ChannelRig

ABILITIES = (
    ReadsOrders,
    ReadsQuantities,
    ReceivesWebhooks,
    RegistersWebhooks,
    RefundsOrders,
    MessagesBuyers,
    NotesOrders,
    IssuesCoupons,
)

AT_MOST = ("batch_size", "calls_in_flight", "quantity_max")
AT_MOST_OR_NONE = ("calls_per_second", "calls_per_day", "revisions_per_listing_per_day")
PROMISES = ("sold_counter", "zero_keeps_listing")

STAND_IN_LOGGERS = ("aiohttp.access", "aiohttp.server", "aiohttp.web")
"""Loggers of the stand-in, which runs in the same process and writes down what it was sent."""

IMPURE_MODULES = frozenset(
    [
        "time",
        "random",
        "secrets",
        "asyncio",
        "threading",
        "socket",
        "logging",
        "os",
        "subprocess",
        "requests",
        "aiohttp",
        "httpx",
        "urllib3",
        "sqlite3",
        "sqlalchemy",
        "sqlmodel",
        "structlog",
    ]
)
CLOCK_READINGS = frozenset({"now", "utcnow", "today", "monotonic", "perf_counter", "getenv"})


def connector_folder(channel: Channel) -> Path | None:
    """The connector's folder; None for a double of the kit itself, which declares nothing in a file."""
    double = next((one for one in type(channel).__mro__ if one.__module__.startswith("syncd.testkit.")), None)
    folder = Path(inspect.getfile(type(channel))).parent
    assert double or (folder / "connector.toml").is_file(), f"{folder} is no connector's folder"
    return None if double else folder


def assert_logs_untold(rig: ChannelRig, records: list[logging.LogRecord]) -> None:
    """Fail if a record of anyone but the stand-in holds a secret or a buyer's data."""
    formatter = logging.Formatter("%(message)s")
    for record in records:
        if not record.name.startswith(STAND_IN_LOGGERS):
            text = formatter.format(record) + repr(record.__dict__)
            assert_untold(rig, text, f"a log record of {record.name!r} at {record.levelname}")


def impurities(source: str) -> list[str]:
    """What a file does that only a part with input and output may do; one sentence each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                imported = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                imported = [module]
            case ast.AsyncFunctionDef(name=name):
                found.append(f"line {node.lineno}: async def {name}")
                continue
            case ast.Attribute(attr=attribute) if attribute in CLOCK_READINGS:
                found.append(f"line {node.lineno}: reads .{attribute}")
                continue
            case _:
                continue
        found += [f"line {node.lineno}: imports {n}" for n in imported if n.partition(".")[0] in IMPURE_MODULES]
    return found


class FactCases:
    """Capabilities, counting, secrecy and purity."""

    @pytest.fixture(autouse=True)
    def everything_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """Every logger writes down everything it has to say, from before the channel is connected."""
        caplog.set_level(logging.DEBUG)

    @pytest.fixture(autouse=True)
    def nothing_told(
        self, everything_logged: None, rig: ChannelRig, caplog: pytest.LogCaptureFixture
    ) -> Iterator[None]:
        """Whatever a case does, no log record may hold a secret or a buyer's data, not even at DEBUG."""
        yield
        assert_logs_untold(rig, [*caplog.get_records("setup"), *caplog.get_records("call")])

    async def test_the_facts_are_those_of_the_folder(self, rig: ChannelRig) -> None:
        """The rig's capabilities are what connector.toml declares, so that the kit tests what users get."""
        folder = connector_folder(rig.channel)
        if folder is None:
            return
        package = type(rig.channel).__module__.split(f".{folder.name}.")[0]
        assert load_connector(folder.name, package).capabilities == rig.capabilities

    async def test_the_instance_only_tightens(self, rig: ChannelRig) -> None:
        """A channel promises at most what its connector declares."""
        mine, declared = rig.channel.capabilities, rig.capabilities
        for name in AT_MOST:
            assert 1 <= getattr(mine, name) <= getattr(declared, name), name
        for name in AT_MOST_OR_NONE:
            ours, limit = getattr(mine, name), getattr(declared, name)
            assert ours is None or ours > 0, name
            assert limit is None or (ours is not None and ours <= limit), name
        for name in PROMISES:
            assert getattr(declared, name) or not getattr(mine, name), name
        assert mine.order_lag_seconds >= declared.order_lag_seconds >= 0
        assert not (mine.decrements_unpaid and mine.holds_unpaid), "one or the other, or it counts twice"
        assert {type(getattr(mine, one.name)) for one in fields(mine)} <= {int, float, bool, type(None)}

    async def test_abilities_are_whole(self, rig: ChannelRig) -> None:
        """An optional ability is there with all its methods, of the right kind, or not at all."""
        for ability in ABILITIES:
            names = methods_of(ability)
            present = [name for name in names if hasattr(rig.channel, name)]
            assert present in ([], names), f"{ability.__name__} is only half there: {present} of {names}"
            for name in present:
                asked = inspect.iscoroutinefunction(getattr(ability, name))
                assert inspect.iscoroutinefunction(getattr(rig.channel, name)) == asked, f"{name}: async or not"

    @pytest.mark.parametrize("paid", [True, False])
    async def test_a_sale_lowers_the_number_as_declared(self, rig: ChannelRig, paid: bool) -> None:
        """A paid sale lowers the channel's number; an unpaid one does if decrements_unpaid says so."""
        listing_id = await rig.add_listing("GLOVE-X", 10)
        order_id = await rig.sell(listing_id, 3, paid=paid)
        lowered = paid or rig.channel.capabilities.decrements_unpaid
        assert await rig.shown(listing_id) == (7 if lowered else 10)
        if not paid:
            await rig.pay_order(order_id)
            assert await rig.shown(listing_id) == 7, "paying lowers it once, not twice"

    async def test_a_cancellation_restocks_as_declared(self, rig: ChannelRig) -> None:
        """A cancelled order raises the channel's number again if restocks_cancelled says so."""
        listing_id = await rig.add_listing("GLOVE-X", 10)
        await rig.cancel_order(await rig.sell(listing_id, 3))
        restocked = rig.channel.capabilities.restocks_cancelled
        assert await rig.shown(listing_id) == (10 if restocked else 7)

    async def test_neither_secrets_nor_buyers_are_told(self, rig: ChannelRig) -> None:
        """The channel's and the pages' reprs hold no secret and no personal data, though the orders do."""
        assert rig.secrets, "the rig names the channel's secrets"
        assert rig.buyer_data, "the rig names what its buyers would not want told"
        assert all(len(one) >= 4 for one in [*rig.secrets, *rig.buyer_data]), "too short to look for"
        order_id = await rig.sell(await rig.add_listing("GLOVE-X", 10), 1)
        await settle(rig)
        orders = await all_orders(rig)
        buyer, ship_to = orders[order_id].buyer, orders[order_id].ship_to
        personal = [buyer.name, buyer.email]
        if ship_to is not None:
            personal += [ship_to.name, ship_to.street, ship_to.city, ship_to.phone]
        assert set(rig.buyer_data) & set(personal), "the order carries none of the rig's buyer_data"
        listings = await all_listings(rig.channel)
        assert_untold(rig, f"{rig.channel!r} {rig.channel} {orders!r} {listings!r}", "a repr")

    async def test_the_mapping_is_pure(self, rig: ChannelRig) -> None:
        """Files with mapping in their name read no clock, do no input or output and define nothing async."""
        folder = connector_folder(rig.channel)
        if folder is None:
            return
        files = sorted(file for file in folder.glob("*.py") if "mapping" in file.stem)
        assert files, f"{folder.name} has no mapping.py"
        found = {file.name: impurities(file.read_text(encoding="utf-8")) for file in files}
        assert not any(found.values()), found
