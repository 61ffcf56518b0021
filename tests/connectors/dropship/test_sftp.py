"""Lists, orders and answers over a real SFTP server on loopback, whose key is pinned."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from connectors.dropship import sandbox_sftp
from connectors.dropship.feed import FeedSupplier, FileOrderingSupplier
from connectors.dropship.sandbox_sftp import PASSWORD, USERNAME, SftpSandbox
from syncd.channel.port import Address
from syncd.errors import ChannelAuthFailed, ChannelProtocolError, ChannelRefused, ChannelUnavailable, RemoteError
from syncd.supply.port import (
    AnswerKind,
    AnswersLater,
    FindsPurchaseOrders,
    PurchaseLine,
    PurchaseRequest,
    PurchaseVerdict,
)
from syncd.testkit.fake_clock import FakeClock
from tests.connectors.dropship.servers import LIST, Connect

MARIO = Address("Mario Rossi", "=HYPERLINK(1)", "Milano", "20121", "MI", "IT", "+39 02 5550100")
ORDER = PurchaseRequest("ebay:1/nord/1", (PurchaseLine("ebay:l1/GLOVE-X", "GLOVE-X", 2),), MARIO)

OLD = 1_700_000_000
"""Long ago, in seconds since 1970."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SftpSandbox]:
    """His server, with folders for orders and answers."""
    for name in ("in", "out", "lists"):
        (tmp_path / name).mkdir()
    running = await sandbox_sftp.start(tmp_path)
    yield running
    await running.aclose()


def at(server: SftpSandbox, path: str = "/lists/", **sftp: Any) -> dict[str, Any]:
    """Settings for a list at this path of the server."""
    access = {"username": USERNAME, "password": PASSWORD, "host_key": server.fingerprint, **sftp}
    told = {key: value for key, value in access.items() if value is not None}
    return {"feed_url": server.url + path, "sftp": told}


def ordering(server: SftpSandbox, **values: Any) -> dict[str, Any]:
    """Settings with an order desk there too."""
    return {**at(server), "purchase_url": server.url + "/in/", **values}


def put(path: Path, body: bytes, written_at: int = OLD) -> None:
    """A file written at some time."""
    path.write_bytes(body)
    os.utime(path, (written_at, written_at))


async def test_the_newest_whole_file_is_the_list(server: SftpSandbox, connected: Connect) -> None:
    """Of a folder the newest file that fits counts; read again it is unchanged and not even fetched."""
    lists = server.folder / "lists"
    put(lists / "stock-1.csv", LIST, OLD)
    put(lists / "stock-2.csv", LIST.replace(b";2", b";3"), OLD + 60)
    put(lists / "prices.csv", b"nothing\n", OLD + 90)
    put(lists / ".stock-3.csv.part", b"Codi", OLD + 99)
    supplier = connected(**at(server), feed_pattern="stock-*.csv")
    await supplier.check()
    first = await supplier.fetch_offers(None)
    assert [one.quantity for one in first.rows] == [3]
    assert first.as_of.timestamp() == OLD + 60
    server.on_read = lambda: pytest.fail("the list was fetched although it is the same")
    assert (await supplier.fetch_offers(first.version)).unchanged
    server.on_read = None
    put(lists / "stock-2.csv", LIST.replace(b";2", b";4"), OLD + 120)
    assert [one.quantity for one in (await supplier.fetch_offers(first.version)).rows] == [4]


async def test_a_single_file_is_read_by_its_path(server: SftpSandbox, connected: Connect) -> None:
    """An address without a slash at its end is a file, whatever it is called."""
    put(server.folder / "list.tmp", LIST)
    supplier = connected(**at(server, "/list.tmp"))
    assert [one.supplier_sku for one in (await supplier.fetch_offers(None)).rows] == ["GLOVE-X"]


@pytest.mark.parametrize("ahead", [-600, -5, 3600, 86_400], ids=["his clock late", "right", "early", "a day early"])
async def test_a_file_is_whole_once_it_stays_as_it_is(server: SftpSandbox, connected: Connect, ahead: int) -> None:
    """Whatever his clock says: a file that grew between two of our looks waits, one that did not is read."""
    path, clock = server.folder / "lists" / "stock.csv", FakeClock()
    supplier = connected(clock, **at(server))
    written_at = int(clock.now().timestamp()) + ahead
    put(path, LIST[:10], written_at)
    for size in (10, 20):
        put(path, LIST[:size], written_at)
        with pytest.raises(ChannelUnavailable, match="may still be being written"):
            await supplier.fetch_offers(None)
        await clock.tick(10)
    put(path, LIST, written_at)
    with pytest.raises(ChannelUnavailable):
        await supplier.fetch_offers(None)
    await clock.tick(9)
    with pytest.raises(ChannelUnavailable):
        await supplier.fetch_offers(None)
    await clock.tick(1)
    assert len((await supplier.fetch_offers(None)).rows) == 1


async def test_a_name_that_is_no_utf8_hides_no_other(server: SftpSandbox, connected: Connect) -> None:
    """A Latin-1 name beside the list, and one that is the list itself: both are read by the bytes of their names."""
    lists, out = os.fsencode(server.folder / "lists"), os.fsencode(server.folder / "out")
    odd = Path(os.fsdecode(lists + b"/quantit\xe0.csv"))
    put(odd, LIST, OLD)
    put(server.folder / "lists" / "stock.csv", LIST.replace(b";2", b";3"), OLD + 60)
    supplier = connected(**at(server), answers_url=server.url + "/out/", answers=COLUMNS)
    first = await supplier.fetch_offers(None)
    assert [one.quantity for one in first.rows] == [3]
    put(odd, LIST.replace(b";2", b";7"), OLD + 90)
    second = await supplier.fetch_offers(first.version)
    assert [one.quantity for one in second.rows] == [7]
    assert second.version.encode()  # it is written down
    put(Path(os.fsdecode(out + b"/\xe0.csv")), b"no such columns\n")
    assert isinstance(supplier, AnswersLater)
    assert [one.column for one in (await supplier.fetch_answers(None)).problems] == ["\\xe0.csv"]


async def test_a_file_being_written_is_not_read(server: SftpSandbox, connected: Connect) -> None:
    """One that grows while it is read is given up."""
    path = server.folder / "lists" / "stock.csv"
    supplier = connected(**at(server))
    put(path, LIST)
    server.on_read = lambda: put(path, LIST + b"A;1\n", OLD + 1)
    with pytest.raises(ChannelUnavailable, match="while it was read"):
        await supplier.fetch_offers(None)
    server.on_read = None
    assert len((await supplier.fetch_offers(None)).rows) == 2


async def test_a_server_with_another_key_gets_nothing(server: SftpSandbox, connected: Connect) -> None:
    """Neither name nor password is shown to a server whose key is not the pinned one; the key is told."""
    put(server.folder / "lists" / "stock.csv", LIST)
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    for host_key in (stranger, "SHA256:" + "A" * 43):
        with pytest.raises(ChannelAuthFailed, match="another key") as caught:
            await connected(**at(server, host_key=host_key)).check()
        assert server.fingerprint in str(caught.value)
    assert server.logins == 0
    await connected(**at(server, host_key=server.host_key)).check()


async def test_a_key_of_ours_opens_the_server(server: SftpSandbox, connected: Connect) -> None:
    """A private key does in place of a password; a wrong one or a wrong password is an auth fault."""
    put(server.folder / "lists" / "stock.csv", LIST)
    key = asyncssh.generate_private_key("ssh-ed25519")
    server.authorized_key = key.export_public_key().decode()
    ours = key.export_private_key().decode()
    await connected(**at(server, password=None, private_key=ours)).check()
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for wrong in ({"password": None, "private_key": other}, {"password": "wrong-word-77"}, {"private_key": "no key"}):
        settings = at(server, **{"password": None, **wrong})
        with pytest.raises(ChannelAuthFailed) as caught:
            await connected(**settings).check()
        assert "wrong-word-77" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "fault"),
    [("/none/", ChannelUnavailable), ("/lists/", ChannelUnavailable), ("/large.csv", ChannelProtocolError)],
)
async def test_what_is_not_there_or_too_large_is_a_fault(
    server: SftpSandbox, connected: Connect, path: str, fault: type[RemoteError]
) -> None:
    """A missing folder, an empty one, a file beyond the bound."""
    put(server.folder / "large.csv", LIST + b"A;1\n" * 1000)
    with pytest.raises(fault):
        await connected(**at(server, path), body_bytes_max=1000).fetch_offers(None)


async def test_a_server_that_is_away_is_unavailable(server: SftpSandbox, connected: Connect) -> None:
    """Nobody listens any more: tried again by syncd."""
    await server.aclose()
    with pytest.raises(ChannelUnavailable):
        await connected(**at(server)).check()


async def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    server: SftpSandbox, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He let us in and answers nothing more: the time that is allowed ends it, and the connection with it."""

    async def silence(*_: object) -> object:
        return await asyncio.Event().wait()

    put(server.folder / "lists" / "a.csv", LIST)
    monkeypatch.setattr(sandbox_sftp._Files, "stat", silence, raising=False)
    supplier = connected(**at(server), timeout_seconds=0.5)
    with pytest.raises(ChannelUnavailable, match="no answer within"):
        await supplier.fetch_offers(None)


async def test_an_order_is_dropped_whole_and_once(server: SftpSandbox, connected: Connect) -> None:
    """The file appears with its whole content; the same order again finds it there; no cell is a formula."""
    supplier = desk(connected(**ordering(server)))
    assert (await supplier.place_order(ORDER)).verdict is PurchaseVerdict.SENT
    (path,) = (server.folder / "in").iterdir()
    assert path.name.startswith("order-ebay-1-nord-1-")
    assert path.read_text("utf-8-sig").splitlines() == [
        "reference;line_id;sku;quantity;name;street;city;postcode;region;country;phone",
        "ebay:1/nord/1;ebay:l1/GLOVE-X;GLOVE-X;2;Mario Rossi;'=HYPERLINK(1);Milano;20121;MI;IT;+39 02 5550100",
    ]
    assert (await supplier.place_order(ORDER)).verdict is PurchaseVerdict.SENT
    assert len(list((server.folder / "in").iterdir())) == 1
    other = PurchaseRequest(ORDER.reference, (PurchaseLine("x", "GLOVE-X", 22),), None)
    with pytest.raises(ChannelRefused, match="another content"):
        await supplier.place_order(other)


def desk(supplier: FeedSupplier) -> FileOrderingSupplier:
    """The supplier as one to whom orders are dropped."""
    assert isinstance(supplier, FileOrderingSupplier)
    assert isinstance(supplier, FindsPurchaseOrders)
    assert not supplier.repeatable
    return supplier


async def test_an_order_that_did_not_get_there_says_so(server: SftpSandbox, connected: Connect) -> None:
    """A full disk before the file has its name: surely not sent, and the next try goes through."""
    supplier = desk(connected(**ordering(server)))
    server.refuse_writes = 1
    assert (await supplier.place_order(ORDER)).verdict is PurchaseVerdict.UNSENT
    assert await supplier.find_order(ORDER) is None
    assert (await supplier.place_order(ORDER)).verdict is PurchaseVerdict.SENT


async def test_an_order_whose_answer_was_lost_is_found(server: SftpSandbox, connected: Connect) -> None:
    """The connection broke as the file got its name: it is looked for; taken away it proves nothing."""
    supplier = desk(connected(**ordering(server)))
    server.drop_renames = 1
    with pytest.raises(ChannelUnavailable):
        await supplier.place_order(ORDER)
    found = await supplier.find_order(ORDER)
    assert found is not None
    assert found.verdict is PurchaseVerdict.SENT
    next((server.folder / "in").iterdir()).unlink()
    assert await supplier.find_order(ORDER) is None


ANSWERS = """riferimento;stato;codice;pezzi;tracking;corriere;data;nota
ebay:1/nord/1;Confermato;;;;;;
ebay:1/nord/1;spedito;GLOVE-X;1;1Z999;BRT;;
ebay:2/nord/1;in ritardo;;;;;09/03/2026;manca il cartone
ebay:3/nord/1;boh;;;;;;
ebay:4/nord/1;rifiutato;;x;;;;
"""
COLUMNS = {
    "reference": "Riferimento",
    "status": "Stato",
    "sku": "codice",
    "quantity": "pezzi",
    "message": "nota",
    "tracking_number": "tracking",
    "carrier": "corriere",
    "expected_on": "data",
}


async def test_answers_are_read_once(server: SftpSandbox, connected: Connect) -> None:
    """Each file of answers is read once, rows that cannot be read are named, and unfinished files wait."""
    out = server.folder / "out"
    supplier = connected(**ordering(server), answers_url=server.url + "/out/", answers=COLUMNS)
    assert isinstance(supplier, AnswersLater)
    put(out / "a.csv", ANSWERS.encode("cp1252"))
    put(out / "b.csv.part", b"half")
    page = await supplier.fetch_answers(None)
    assert [(one.reference, one.kind, one.supplier_sku, one.quantity) for one in page.answers] == [
        ("ebay:1/nord/1", AnswerKind.ACCEPTED, "", None),
        ("ebay:1/nord/1", AnswerKind.SHIPPED, "GLOVE-X", 1),
        ("ebay:2/nord/1", AnswerKind.DELAYED, "", None),
    ]
    assert (page.answers[1].tracking_number, page.answers[1].carrier) == ("1Z999", "BRT")
    assert str(page.answers[2].expected_on) == "2026-03-09"
    assert [(one.line, one.column) for one in page.problems] == [(5, "a.csv"), (6, "a.csv")]
    assert "add it to the table answers.words" in page.problems[0].sentence
    assert (await supplier.fetch_answers(page.cursor)).answers == ()
    put(out / "b.csv", "\n".join(ANSWERS.splitlines()[:2]).encode(), OLD + 5)
    put(out / "c.csv", b"\x00\x01", OLD + 6)
    second = await supplier.fetch_answers(page.cursor)
    assert [one.kind for one in second.answers] == [AnswerKind.ACCEPTED]
    assert [one.column for one in second.problems] == ["c.csv"]
    third = await supplier.fetch_answers(second.cursor)
    assert (third.answers, third.problems, third.cursor) == ((), (), second.cursor)
