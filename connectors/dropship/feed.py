"""The dropship supplier, put together from his settings: one way for his list, one for orders, one for answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import unquote, urlsplit

from connectors.dropship.access import Credentials, Limits
from connectors.dropship.client import Client
from connectors.dropship.client_folder import LocalFolder
from connectors.dropship.client_http import Http, HttpAnswers, HttpList
from connectors.dropship.client_imap import Mailbox, MailboxAccess
from connectors.dropship.client_sftp import CLOCKS_APART_SECONDS_MAX, SftpAccess, SftpFolder
from connectors.dropship.client_smtp import Smtp
from connectors.dropship.desk import Desk, HttpDesk, MailDesk, SftpDesk
from connectors.dropship.folder import Folder, FolderAnswers, FolderList, Source
from connectors.dropship.mapping import FeedLayout, check_header, read_snapshot
from connectors.dropship.mapping_address import Reach
from connectors.dropship.mapping_folder import Sightings
from connectors.dropship.mapping_format import Writing, needs_whole
from connectors.dropship.mapping_header import FeedVersion
from connectors.dropship.mapping_rows import UnreadableFeed
from connectors.dropship.settings import Settings as Settings
from connectors.dropship.settings_ways import secret_text
from syncd.clock import Clock
from syncd.supply.port import AnswerPage, OfferSnapshot, PurchaseOutcome, PurchaseRequest, Supplier

HEADER_BYTES = 65_536
"""As much of a table of text as `check` reads; another format is read whole."""


class AnswerSource(Protocol):
    """Where answers come from."""

    async def fetch(self, cursor: str | None) -> AnswerPage:
        """What is new since."""
        ...


def connect(settings: Settings, *, name: str, clock: Clock) -> Supplier:
    """The supplier under [supplier.NAME], with those abilities of the port that his settings give him."""
    limits = Limits(settings.connect_timeout_seconds, settings.timeout_seconds, settings.body_bytes_max)
    client = Client(name, clock=clock, limits=limits, secrets=settings.secrets())
    ways = _Ways(settings, client)
    parts = Parts(client, ways.http, ways.source(), settings.layout(), ways.desk(), ways.answers())
    if isinstance(parts.desk, SftpDesk):
        return (FileOrderingAnsweringSupplier if parts.answers else FileOrderingSupplier)(parts)
    if parts.desk is not None:
        return (OrderingAnsweringSupplier if parts.answers else OrderingSupplier)(parts)
    return (AnsweringSupplier if parts.answers else FeedSupplier)(parts)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a supplier is put together from."""

    client: Client
    http: Http
    source: Source
    layout: FeedLayout
    desk: Desk | None
    answers: AnswerSource | None


class _Ways:
    """The ways that the settings ask for."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings = settings
        self._client = client
        named = (settings.feed_url, settings.purchase_url, settings.answers_url)
        self.http = Http(client, Reach.of(named, private_hosts=settings.private_hosts))
        self._feed_credentials = settings.feed_credentials()
        self._desk_credentials: Credentials = settings.purchase_credentials()

    def source(self) -> Source:
        """Where the list comes from."""
        settings, client = self._settings, self._client
        settle = settings.feed_settle_seconds
        if settings.feed_path is not None:
            return FolderList(LocalFolder(client, settings.feed_path), client, settings.feed_pattern, settle)
        if _scheme(settings.feed_url) == "sftp":
            apart = Sightings(CLOCKS_APART_SECONDS_MAX)
            return FolderList(self._sftp(settings.feed_url), client, settings.feed_pattern, settle, apart)
        return HttpList(self.http, client, settings.feed_url, self._feed_credentials, settings.as_of_header)

    def desk(self) -> Desk | None:
        """How orders are sent, if by machine."""
        settings, client, url = self._settings, self._client, self._settings.purchase_url
        match _scheme(url):
            case "sftp":
                assert settings.sftp is not None  # noqa: S101  the settings see to it
                return SftpDesk(self._sftp(url), settings.sftp.order_format)
            case "mailto":
                mail = settings.mail
                assert mail is not None  # noqa: S101  the settings see to it
                smtp = Smtp(client, mail.smtp_url, mail.username, secret_text(mail.password))
                return MailDesk(smtp, mail.sender, unquote(urlsplit(url).path), mail.language)
            case "":
                return None
        return HttpDesk(self.http, client, url, self._desk_credentials)

    def answers(self) -> AnswerSource | None:
        """Where his answers come from, if he gives them later and to a machine."""
        settings, client, url = self._settings, self._client, self._settings.answers_url
        layout = settings.answers.layout()
        writing = Writing(bytes_max=settings.body_bytes_max)
        folder: Folder
        match _scheme(url):
            case "http" | "https":
                source = HttpList(self.http, client, url, self._desk_credentials, settings.as_of_header)
                return HttpAnswers(source, client, layout, writing)
            case "sftp":
                folder = self._sftp(url)
            case "imap" | "imaps":
                mail = settings.mail
                assert mail is not None  # noqa: S101  the settings see to it
                access = MailboxAccess(mail.username, secret_text(mail.password), mail.answers_from)
                folder = Mailbox(client, url, access)
            case _:
                if settings.answers_path is None:
                    return None
                folder = LocalFolder(client, settings.answers_path)
        settle = 0.0 if isinstance(folder, Mailbox) else settings.feed_settle_seconds  # a mail comes whole
        apart = Sightings(CLOCKS_APART_SECONDS_MAX if isinstance(folder, SftpFolder) else 0.0)
        return FolderAnswers(folder, client, layout, writing, settle, apart)

    def _sftp(self, url: str) -> SftpFolder:
        sftp = self._settings.sftp
        assert sftp is not None  # noqa: S101  the settings see to it
        access = SftpAccess(sftp.username, sftp.host_key, secret_text(sftp.password), secret_text(sftp.private_key))
        return SftpFolder(self._client, url, access)


class FeedSupplier:
    """A supplier with a list and no order desk: purchase orders to him are placed by hand."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._client = parts.client
        self._source = parts.source
        self._layout = parts.layout

    async def check(self) -> None:
        """Read the list, or its beginning where that tells the columns, and look for them."""
        operation = "check"
        fetched = await self._source.fetch(operation, etag="", bytes_wanted=HEADER_BYTES)
        if needs_whole(fetched.body or b"", self._layout.writing):
            fetched = await self._source.fetch(operation, etag="", bytes_wanted=None)
        try:
            work = partial(check_header, fetched.body or b"", self._layout)
            await self._client.in_thread(work, operation=operation)
        except UnreadableFeed as error:
            raise self._client.protocol_error(operation, error.sentence, error.excerpt) from None

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """The whole list, or `unchanged`: he says so (304), or the bytes and our layout are the same."""
        operation = "fetch_offers"
        known = FeedVersion.parse(version)
        if known is not None and known.layout != self._layout.digest():
            known = None  # The same bytes would now be read differently.
        asked_at = self._client.clock.now()
        fetched = await self._source.fetch(operation, etag=known.etag if known else "", bytes_wanted=None)
        work = partial(read_snapshot, fetched, known, self._layout, asked_at=asked_at)
        try:
            return await self._client.in_thread(work, operation=operation)
        except UnreadableFeed as error:
            raise self._client.protocol_error(operation, error.sentence, error.excerpt) from None

    async def aclose(self) -> None:
        """Give back connections and threads. May be called twice."""
        await self._parts.http.aclose()
        await self._client.aclose()


class AnsweringSupplier(FeedSupplier):
    """A supplier ordered from by hand, whose answers a machine reads; implements AnswersLater."""

    async def fetch_answers(self, cursor: str | None) -> AnswerPage:
        """What he answered."""
        assert self._parts.answers is not None  # noqa: S101  chosen by `connect`
        return await self._parts.answers.fetch(cursor)


class OrderingSupplier(FeedSupplier):
    """A supplier who also takes orders; implements TakesPurchaseOrders."""

    @property
    def repeatable(self) -> bool:
        """Whether the same order sent again buys nothing more."""
        return self._desk.repeatable

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Order."""
        return await self._desk.place(request)

    @property
    def _desk(self) -> Desk:
        assert self._parts.desk is not None  # noqa: S101  chosen by `connect`
        return self._parts.desk


class OrderingAnsweringSupplier(OrderingSupplier, AnsweringSupplier):
    """Both."""


class FileOrderingSupplier(OrderingSupplier):
    """A supplier to whom orders are dropped as files; implements FindsPurchaseOrders."""

    async def find_order(self, request: PurchaseRequest) -> PurchaseOutcome | None:
        """Whether the order's file lies there."""
        assert isinstance(self._desk, SftpDesk)  # noqa: S101  chosen by `connect`
        return await self._desk.find(request)


class FileOrderingAnsweringSupplier(FileOrderingSupplier, AnsweringSupplier):
    """Both."""


def _scheme(url: str) -> str:
    return urlsplit(url).scheme
