"""Answers by HTTP and out of a folder, and one whole way: a letter out, an answer back, the parcel on the channel."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from aiohttp import web

from connectors.dropship import sandbox_imap
from connectors.dropship.feed import connect
from connectors.dropship.mapping_mail import attachment
from connectors.dropship.settings import Settings
from syncd.errors import ChannelProtocolError
from syncd.supply.parcel import ParcelStatus
from syncd.supply.port import AnswerKind, AnswersLater, TakesPurchaseOrders
from syncd.supply.purchase_order import PurchaseStatus
from syncd.supply.store_parcel import read_parcels
from tests.connectors.dropship import mail_server
from tests.connectors.dropship.servers import LIST, Connect, Serve, answering
from tests.connectors.dropship.test_mail import answer
from tests.support.desk import DRAFT, FETCH_SECONDS, NORD, desk_over, opened_desk

TABLE = b"reference;status\npo-1;accettato\npo-2;boh\n"
OLD = 1_700_000_000


def put(path: Path, body: bytes) -> None:
    """A file written long ago."""
    path.write_bytes(body)
    os.utime(path, (OLD, OLD))


async def test_answers_at_an_address_are_read_when_they_change(serve: Serve, connected: Connect) -> None:
    """With an ETag the same table is not read again; he need not take orders by machine to answer."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("If-None-Match", ""))
        if asked[-1] == '"1"':
            return web.Response(status=304)
        return web.Response(body=TABLE, headers={"ETag": '"1"'})

    url = await serve(handler)
    supplier = connected(feed_url=url, answers_url=url)
    assert isinstance(supplier, AnswersLater)
    assert not isinstance(supplier, TakesPurchaseOrders)
    page = await supplier.fetch_answers(None)
    assert [(one.reference, one.kind) for one in page.answers] == [("po-1", AnswerKind.ACCEPTED)]
    assert [one.line for one in page.problems] == [3]
    assert (await supplier.fetch_answers(page.cursor)).answers == ()
    assert asked == ["", '"1"']


async def test_a_web_page_is_no_answer(serve: Serve, connected: Connect) -> None:
    """What is no table of answers is a fault, and nothing of it is believed."""
    for body in (b"<!DOCTYPE html><html></html>", b"Codice;Quanti\nA;1\n", b'{"error": 1}'):
        url = await serve(answering(200, body))
        supplier = connected(feed_url=url, answers_url=url)
        assert isinstance(supplier, AnswersLater)
        with pytest.raises(ChannelProtocolError):
            await supplier.fetch_answers(None)


async def test_one_bad_file_never_stops_the_others(tmp_path: Path, connected: Connect) -> None:
    """Too large, damaged, no table: each is named once, and what lies beside it is read."""
    supplier = connected(feed_url="https://nord.example/l", answers_path=tmp_path, body_bytes_max=1000)
    assert isinstance(supplier, AnswersLater)
    put(tmp_path / "a-large.csv", TABLE + b"po-3;ok\n" * 1000)
    put(tmp_path / "b-broken.csv.gz", gzip.compress(TABLE)[:-9])
    put(tmp_path / "c-bomb.csv.gz", gzip.compress(b"x" * 1_000_000))
    put(tmp_path / "d-odd.json", b"[1")
    put(tmp_path / "e.csv", TABLE)
    page = await supplier.fetch_answers(None)
    assert [one.reference for one in page.answers] == ["po-1"]
    assert sorted(one.column for one in page.problems) == [
        *("a-large.csv", "b-broken.csv.gz", "c-bomb.csv.gz", "d-odd.json", "e.csv"),
    ]
    again = await supplier.fetch_answers(page.cursor)
    assert (again.answers, again.problems) == ((), ())


@pytest.mark.parametrize("mail", [b"", b"\xff" * 50, b"From: <a@b.example>, c@d.example\n\n", b"From:\n" * 500])
def test_a_mail_of_any_shape_is_survived(mail: bytes) -> None:
    """Nothing attached, several senders, no sense at all: no answers, no surprise."""
    assert attachment(mail, ["a@b.example"]) == b""


async def test_the_whole_way_by_mail(store_url: str, serve: Serve) -> None:
    """An order goes out by mail, his confirmation with a tracking number comes back, a parcel waits for the channel."""
    outgoing, incoming = await mail_server.start(), await sandbox_imap.start()
    url = await serve(answering(200, LIST))
    async with opened_desk(store_url) as desk:
        settings = {
            "feed_url": url,
            "columns": {"sku": "Codice", "quantity": "Disponibilità"},
            "purchase_url": "mailto:ordini@nord.example",
            "answers_url": incoming.url,
            "answers": {"tracking_number": "tracking"},
            "mail": {
                "smtp_url": outgoing.url,
                "sender": "ordini@labrace.example",
                "username": mail_server.USERNAME,
                "password": mail_server.PASSWORD,
                "answers_from": ["ordini@nord.example"],
            },
        }
        # One account at both servers.
        incoming.password = mail_server.PASSWORD
        supplier = connect(Settings.model_validate(settings), name=NORD, clock=desk.store.clock)
        desk.service = desk_over(desk.store, supplier)
        await desk.draft(DRAFT)
        assert await desk.run() == {"offers": 1, "ordered": 1}
        assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.SENT
        (mail,) = outgoing.mails
        table = f"reference;status;tracking\n{mail['X-Purchase-Order']};spedito;1Z999\n"
        incoming.deliver(answer(table), desk.store.clock.now())
        assert await desk.run(FETCH_SECONDS) == {"answers": 1}
        assert (await desk.orders())[DRAFT.reference].status is PurchaseStatus.SHIPPED
        async with desk.store.db.read() as conn:
            (parcel,) = await read_parcels(conn, status=ParcelStatus.WAITING)
        assert (parcel.tracking_number, parcel.quantity, parcel.line_id) == ("1Z999", 3, "l1")
        await desk.run(FETCH_SECONDS)
        assert len(outgoing.mails) == 1
        await supplier.aclose()
    await outgoing.aclose()
    await incoming.aclose()
