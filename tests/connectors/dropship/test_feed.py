"""The list over real HTTP, from the sandbox and from servers that behave worse, and from files."""

from __future__ import annotations

import asyncio
import gzip
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from connectors.dropship.sandbox import Fault, Offer, Sandbox
from syncd.errors import (
    ChannelAuthFailed,
    ChannelProtocolError,
    ChannelRefused,
    ChannelUnavailable,
    RateLimited,
)
from syncd.testkit.fake_clock import START_AT, FakeClock
from tests.connectors.dropship.servers import LIST, Connect, Serve, answering, at


async def test_an_unchanged_list_is_not_sent_again(server: Sandbox, connected: Connect) -> None:
    """The second asking names the version and is answered "not modified"."""
    supplier = connected(**at(server))
    first = await supplier.fetch_offers(None)
    second = await supplier.fetch_offers(first.version)
    assert [call["status"] for call in server.state()["calls"]] == [200, 304]
    assert (second.unchanged, second.as_of) == (True, START_AT)


@pytest.mark.parametrize("apache", [True, False])
async def test_a_dead_export_grows_old(server: Sandbox, connected: Connect, apache: bool) -> None:
    """While his export is dead, his list keeps its moment, whichever way his server says "not modified"."""
    server.books.apache = apache
    server.books.freeze(True)
    clock = FakeClock()
    supplier = connected(clock, **at(server))
    first = await supplier.fetch_offers(None)
    clock.advance(90_000)
    server.set_offers([Offer("GLOVE-X", 0)])
    again = await supplier.fetch_offers(first.version)
    assert server.state()["calls"][-1]["status"] == 304
    assert (again.unchanged, again.as_of) == (True, START_AT)


async def test_a_changed_setting_reads_the_list_anew(server: Sandbox, connected: Connect) -> None:
    """A version read under other settings is no version: the rows would be different."""
    server.set_offers([Offer("GLOVE-X", 12, shown="sì")])
    first = await connected(**at(server)).fetch_offers(None)
    again = await connected(**at(server, yes_quantity=4)).fetch_offers(first.version)
    assert not again.unchanged
    assert [row.quantity for row in again.rows] == [4]


async def test_the_header_that_dates_the_list_can_be_chosen(serve: Serve, connected: Connect) -> None:
    """as_of_header names another header, in ISO form too."""
    url = await serve(answering(X_Exported_At="2026-03-02T06:00:00Z", Last_Modified="Mon, 02 Mar 2026 07:59:00 GMT"))
    snapshot = await connected(feed_url=url, as_of_header="X-Exported-At").fetch_offers(None)
    assert snapshot.as_of == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


async def test_a_list_larger_than_the_bound_is_refused(serve: Serve, connected: Connect) -> None:
    """The bound holds for what comes out of decompression, and the sentence names the setting."""
    bomb = gzip.compress(LIST + b"A;1\n" * 200_000)
    assert len(bomb) < 10_000
    url = await serve(answering(body=bomb, Content_Encoding="gzip"))
    with pytest.raises(ChannelProtocolError, match="body_bytes_max"):
        await connected(feed_url=url, body_bytes_max=10_000).fetch_offers(None)


async def test_a_compressed_list_is_read(serve: Serve, connected: Connect, tmp_path: Path) -> None:
    """A list compressed for the way, or lying compressed on the server or the disk, is the list."""
    packed = gzip.compress(LIST[:10]) + gzip.compress(LIST[10:])
    (tmp_path / "list.csv.gz").write_bytes(packed)
    for supplier in (
        connected(feed_url=await serve(answering(body=packed, Content_Encoding="gzip"))),
        connected(feed_url=await serve(answering(body=packed, Content_Type="application/gzip"))),
        connected(feed_path=tmp_path / "list.csv.gz", feed_settle_seconds=0),
    ):
        await supplier.check()
        assert len((await supplier.fetch_offers(None)).rows) == 1


@pytest.mark.parametrize("end", [-1, -12, 15])
async def test_a_compressed_list_that_ends_early_is_unavailable(serve: Serve, connected: Connect, end: int) -> None:
    """A compressed list that was cut is no list: the articles at its end must not seem gone."""
    url = await serve(answering(body=gzip.compress(LIST)[:end], Content_Encoding="gzip"))
    with pytest.raises(ChannelUnavailable, match="ends too early"):
        await connected(feed_url=url).fetch_offers(None)


async def test_damaged_compression_is_unavailable(serve: Serve, connected: Connect) -> None:
    """Compressed bytes that are damaged did not arrive."""
    packed = bytearray(gzip.compress(LIST))
    packed[-6] ^= 255
    url = await serve(answering(body=bytes(packed)))
    with pytest.raises(ChannelUnavailable, match="damaged"):
        await connected(feed_url=url).fetch_offers(None)


async def test_a_compression_we_did_not_ask_for_is_refused(serve: Serve, connected: Connect) -> None:
    """An answer packed in another way is said to be so."""
    url = await serve(answering(Content_Encoding="br"))
    with pytest.raises(ChannelProtocolError, match="'br'"):
        await connected(feed_url=url).fetch_offers(None)


async def test_check_reads_only_the_beginning(serve: Serve, connected: Connect) -> None:
    """check is content with the header of a list that never ends."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(LIST)
        while True:
            await response.write(b"A;1\n" * 10_000)

    await connected(feed_url=await serve(endless), body_bytes_max=1_000_000).check()


async def test_check_names_the_column_that_is_missing(serve: Serve, connected: Connect) -> None:
    """A wrong column name is found by check, with supplier and operation."""
    url = await serve(answering(body=b"Codice;Qta\nA;1\n"))
    with pytest.raises(ChannelProtocolError, match=r"rossi: check: .*'Disponibilità'; columns found: 'Codice', 'Qta'"):
        await connected(feed_url=url).check()


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (204, ChannelProtocolError),
        (206, ChannelProtocolError),
        (304, ChannelProtocolError),
        (400, ChannelRefused),
        (401, ChannelAuthFailed),
        (403, ChannelAuthFailed),
        (404, ChannelRefused),
        (408, ChannelUnavailable),
        (429, RateLimited),
        (500, ChannelUnavailable),
        (503, ChannelUnavailable),
        (599, ChannelUnavailable),
    ],
)
async def test_each_status_has_its_fault(serve: Serve, connected: Connect, status: int, fault: type) -> None:
    """Every status but the two expected is the fault with the right consequence, naming the status."""
    supplier = connected(feed_url=await serve(answering(status, b"")))
    with pytest.raises(fault, match=str(status)) as caught:
        await supplier.fetch_offers(None)
    assert type(caught.value) is fault


async def test_a_wait_until_a_date_is_counted_from_now(serve: Serve, connected: Connect) -> None:
    """Retry-After as a date is seconds from our clock."""
    url = await serve(answering(429, Retry_After="Mon, 02 Mar 2026 08:01:30 GMT"))
    with pytest.raises(RateLimited) as caught:
        await connected(feed_url=url).fetch_offers(None)
    assert caught.value.retry_after_seconds == 90


async def test_nobody_there_is_unavailable(connected: Connect) -> None:
    """A port where nobody listens, and a name that does not exist, are ChannelUnavailable."""
    for url in ("http://127.0.0.1:9/list.csv", "http://nobody.invalid/list.csv"):
        with pytest.raises(ChannelUnavailable, match="the connection failed"):
            await connected(feed_url=url).fetch_offers(None)


async def test_something_else_than_http_is_unavailable(connected: Connect) -> None:
    """A port where something else speaks is a fault of ours, not of the library."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 ftp.example ready\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    try:
        with pytest.raises(ChannelUnavailable):
            await connected(feed_url=f"http://127.0.0.1:{port}/").fetch_offers(None)
        with pytest.raises(ChannelUnavailable):
            await connected(feed_url=f"https://127.0.0.1:{port}/").fetch_offers(None)
    finally:
        listener.close()
        await listener.wait_closed()


async def test_a_redirect_is_followed_without_the_token(serve: Serve, connected: Connect) -> None:
    """A list that moved is found; another server never sees our token; endless redirects end."""
    seen: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=LIST)

    target = await serve(elsewhere)
    moved = await serve(answering(302, Location=f"{target}/new.csv"))
    snapshot = await connected(feed_url=moved, feed_token="hush-7").fetch_offers(None)
    assert (len(snapshot.rows), seen) == (1, [None])
    with pytest.raises(ChannelProtocolError, match="redirects"):
        await connected(feed_url=await serve(answering(302, Location="/again"))).fetch_offers(None)


@pytest.mark.parametrize(
    ("values", "header", "query"),
    [
        ({"feed_token": "hush/7"}, "Bearer hush/7", ""),
        ({"feed_token": "hush/7", "feed_token_parameter": "key"}, None, "list=1&key=hush/7"),
        ({"feed_username": "mario", "feed_password": "wörd"}, "Basic bWFyaW86d8O2cmQ=", "list=1"),
    ],
)
async def test_credentials_go_where_the_settings_say(
    serve: Serve, connected: Connect, values: dict[str, str], header: str | None, query: str
) -> None:
    """A token goes into the header or the named URL parameter, user name and password as Basic."""
    seen: list[tuple[str | None, str]] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers.get("Authorization"), request.query_string))
        return web.Response(body=LIST)

    url = await serve(look)
    await connected(feed_url=f"{url}/feed?list=1", **values).fetch_offers(None)
    assert seen == [(header, query or "list=1")]


async def test_an_echoed_secret_is_taken_out(serve: Serve, connected: Connect) -> None:
    """A server that repeats our token in what it sends instead of a list does not get it into our faults."""

    async def echo(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"invalid key: {request.query['key']} {request.query_string}")

    supplier = connected(feed_url=await serve(echo), feed_token="hush/hush 7", feed_token_parameter="key")
    with pytest.raises(ChannelProtocolError) as caught:
        await supplier.fetch_offers(None)
    text = f"{caught.value} {caught.value.body}"
    assert "invalid key: ***" in text
    assert "hush/hush" not in text
    assert "hush%2Fhush" not in text


async def test_a_long_list_leaves_the_loop_free(tmp_path: Path, connected: Connect) -> None:
    """While a long list is read, other tasks go on."""
    path = tmp_path / "long.csv"
    path.write_bytes(LIST + b"".join(b"S%d;1\n" % number for number in range(60_000)))
    supplier = connected(feed_path=path, feed_settle_seconds=0)
    turns = 0
    fetching = asyncio.ensure_future(supplier.fetch_offers(None))
    while not fetching.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert len(fetching.result().rows) == 60_001
    assert turns > 3


async def test_a_file_is_as_old_as_its_last_writing(tmp_path: Path, connected: Connect) -> None:
    """The file's time is the moment of the list; touched without change, it is unchanged and fresh."""
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    os.utime(path, (START_AT.timestamp() - 3600,) * 2)
    supplier = connected(feed_path=path, feed_settle_seconds=0)
    await supplier.check()
    first = await supplier.fetch_offers(None)
    assert (START_AT - first.as_of).total_seconds() == 3600
    os.utime(path, (START_AT.timestamp() - 60,) * 2)
    again = await supplier.fetch_offers(first.version)
    assert again.unchanged
    assert (START_AT - again.as_of).total_seconds() == 60


async def test_a_file_being_written_is_not_read(tmp_path: Path, connected: Connect) -> None:
    """A list that changes under our eyes is unavailable, not taken for a shorter one; left alone, it is read."""
    path = tmp_path / "list.csv"
    path.write_bytes(LIST + (b"S" * 90_000 + b";1\n") * 200)
    supplier = connected(feed_path=path)
    done = threading.Event()

    def rewrite() -> None:
        moment = 0
        while not done.is_set():
            moment += 1
            os.utime(path, ns=(moment, moment))

    async def read_often() -> None:
        for _ in range(100):
            await supplier.fetch_offers(None)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        with pytest.raises(ChannelUnavailable, match="being written"):
            await read_often()
    finally:
        done.set()
        writer.join()
    assert len((await supplier.fetch_offers(None)).rows) == 1


async def test_a_file_that_is_not_there_or_no_file_is_a_fault(tmp_path: Path, connected: Connect) -> None:
    """A missing file is unavailable, so is an empty folder, a file too large is refused."""
    with pytest.raises(ChannelUnavailable, match="FileNotFoundError"):
        await connected(feed_path=tmp_path / "none.csv", feed_settle_seconds=0).check()
    with pytest.raises(ChannelUnavailable, match="no file"):
        await connected(feed_path=tmp_path, feed_settle_seconds=0).fetch_offers(None)
    large = tmp_path / "large.csv"
    large.write_bytes(LIST + b"A;1\n" * 1000)
    with pytest.raises(ChannelProtocolError, match="body_bytes_max"):
        await connected(feed_path=large, feed_settle_seconds=0, body_bytes_max=1000).fetch_offers(None)


async def test_closing_ends_a_call_under_way(server: Sandbox, connected: Connect) -> None:
    """A call that waits when the supplier is closed ends as a fault of ours."""
    supplier = connected(**at(server))
    server.add_fault(Fault("stall"))
    fetching = asyncio.ensure_future(supplier.fetch_offers(None))
    await server.stalled()
    await supplier.aclose()
    with pytest.raises(ChannelUnavailable):
        await fetching
