"""The dropship supplier: his settings, his list of offers, and orders to him where he takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.dropship.access import Credentials, Limits
from connectors.dropship.client import Answer, Client
from connectors.dropship.mapping import FeedLayout, Fetched, check_header, read_snapshot
from connectors.dropship.mapping_header import ETAG_LENGTH_MAX, FeedVersion
from connectors.dropship.mapping_number import QuantityWords
from connectors.dropship.mapping_purchase import UnreadableAnswer, order_json, read_answer, withhold
from connectors.dropship.mapping_table import Dialect, UnreadableFeed
from syncd.clock import Clock
from syncd.supply.port import OfferSnapshot, PurchaseOutcome, PurchaseRequest, PurchaseVerdict, Supplier

HEADER_BYTES = 65_536
"""As much of the list as `check` reads."""

ANSWER_EXCERPT_BYTES = 4_000
"""As much of an unreadable answer to an order as is looked at for the fault's text."""

ColumnName = Annotated[str, Field(max_length=200)]


class Columns(BaseModel):
    """[supplier.NAME.columns]: column names in the first line of the list; case and spacing do not matter."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: ColumnName = Field(min_length=1, description="the supplier's own article number")
    quantity: ColumnName = Field(min_length=1, description="pieces available: a number or one of the words below")
    title: ColumnName = Field(default="", description="what the article is called; empty: he does not say")
    cost: ColumnName = Field(default="", description="what one piece costs us; empty: he does not say")


class Settings(BaseModel):
    """[supplier.NAME] for the dropship connector."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    feed_url: str = Field(default="", description="http(s) address of the list; either this or feed_path")
    feed_path: Path | None = Field(default=None, description="file holding the list; either this or feed_url")
    feed_token: SecretStr | None = Field(default=None, description="secret: token for the list")
    feed_token_parameter: str = Field(
        default="", description="URL parameter that carries feed_token; empty: Authorization: Bearer"
    )
    feed_username: str = Field(default="", description="user name for the list (HTTP Basic)")
    feed_password: SecretStr | None = Field(default=None, description="secret: password of feed_username")
    purchase_url: str = Field(default="", description="address that takes orders; empty: ordered by hand")
    purchase_token: SecretStr | None = Field(default=None, description="secret: token for purchase_url")
    columns: Columns = Field(description="what the columns of the list are called")
    delimiter: str = Field(default="auto", description="one character, 'tab', or 'auto' to try ; , tab |")
    quote: str = Field(default='"', max_length=1, description="quote character; empty: nothing is quoted")
    encoding: str = Field(default="auto", description="'utf-8-sig', 'cp1252', …; 'auto' tells them apart")
    decimal_mark: Literal["auto", ",", "."] = Field(
        default="auto", description="',' reads 1.000 as a thousand, '.' as one; 'auto' as one, and says so"
    )
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$", description="currency of the cost column")
    yes_quantity: int = Field(default=1, ge=0, le=100_000, description="pieces that a word such as 'sì' means")
    yes_words: tuple[str, ...] = Field(
        default=("sì", "si", "yes", "y", "true", "disponibile", "available", "in stock"),
        description="words in the quantity column that stand for yes_quantity pieces",
    )
    no_words: tuple[str, ...] = Field(
        default=("no", "n", "false", "esaurito", "non disponibile", "out of stock", "sold out"),
        description="words in the quantity column that stand for 0 pieces",
    )
    as_of_header: str = Field(default="Last-Modified", description="HTTP header that says when the list was made")
    rows_max: int = Field(default=500_000, ge=1, description="most rows; a longer list is refused whole")
    body_bytes_max: int = Field(default=50_000_000, ge=1_000, description="longest answer, in bytes")
    connect_timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="longest wait to connect")
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600, description="longest time for one call")

    @field_validator("feed_url", "purchase_url")
    @classmethod
    def _is_web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0):
            raise ValueError("write a whole address, such as https://supplier.example/list.csv")
        if parts.username or parts.password:
            raise ValueError("a password does not belong in an address; use feed_username and feed_password")
        return url

    @field_validator("feed_token", "purchase_token", "feed_password")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        text = _secret(secret)
        if secret is not None and (not text or not text.isprintable() or text != text.strip()):
            raise ValueError("the secret is empty, or holds line breaks or space around it")
        return secret

    @field_validator("delimiter")
    @classmethod
    def _is_delimiter(cls, delimiter: str) -> str:
        plain = "\t" if delimiter == "tab" else delimiter
        if plain != "auto" and (len(plain) != 1 or plain in '\r\n"\0'):
            raise ValueError("write one character, 'tab' or 'auto'")
        return plain

    @field_validator("quote")
    @classmethod
    def _is_quote(cls, quote: str) -> str:
        if quote in ("\r", "\n", "\0", " "):
            raise ValueError("write one visible character, or nothing")
        return quote

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, encoding: str) -> str:
        try:
            if encoding != "auto":
                "a".encode(encoding)  # Encoding proves what looking it up does not: that it is one of text.
        except LookupError:
            known = "write 'utf-8-sig', 'cp1252' or 'auto'"
            raise ValueError(f"{encoding!r} is not an encoding; {known}") from None
        return encoding

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if bool(self.feed_url) == (self.feed_path is not None):
            problems.append("set either feed_url or feed_path")
        if bool(self.feed_username) != (self.feed_password is not None):
            problems.append("feed_username and feed_password go together")
        if ":" in self.feed_username:
            problems.append("feed_username must not hold a colon")
        if self.feed_token is not None and self.feed_username:
            problems.append("use feed_token or feed_username, not both")
        if self.feed_token_parameter and self.feed_token is None:
            problems.append("feed_token_parameter needs feed_token")
        if self.feed_path is not None and (self.feed_token is not None or self.feed_username):
            problems.append("a file at feed_path needs no credentials")
        if self.purchase_token is not None and not self.purchase_url:
            problems.append("purchase_token needs purchase_url")
        if self.quote and self.quote == self.delimiter:
            problems.append("quote and delimiter are the same character")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def feed_credentials(self) -> Credentials:
        """What proves us to the list."""
        return Credentials(
            token=_secret(self.feed_token),
            token_parameter=self.feed_token_parameter,
            username=self.feed_username,
            password=_secret(self.feed_password),
        )

    def layout(self) -> FeedLayout:
        """How the list is written."""
        words = QuantityWords(_words(self.yes_words), _words(self.no_words), self.yes_quantity)
        return FeedLayout(
            sku_column=self.columns.sku,
            quantity_column=self.columns.quantity,
            title_column=self.columns.title,
            cost_column=self.columns.cost,
            dialect=Dialect(self.delimiter, self.quote, self.encoding),
            words=words,
            decimal_mark=self.decimal_mark,
            currency=self.currency,
            rows_max=self.rows_max,
        )


def connect(settings: Settings, *, name: str, clock: Clock) -> Supplier:
    """The supplier under [supplier.NAME]; he implements TakesPurchaseOrders only if `purchase_url` is set."""
    limits = Limits(settings.connect_timeout_seconds, settings.timeout_seconds, settings.body_bytes_max)
    feed, purchase = settings.feed_credentials(), Credentials(token=_secret(settings.purchase_token))
    client = Client(name, clock=clock, limits=limits, secrets=(*feed.secrets(), *purchase.secrets()))
    supplier = OrderingSupplier if settings.purchase_url else FeedSupplier
    return supplier(settings, client=client, clock=clock)


class FeedSupplier:
    """A supplier with a list and no order desk: purchase orders to him are placed by hand."""

    def __init__(self, settings: Settings, *, client: Client, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._layout = settings.layout()

    async def check(self) -> None:
        """Read the beginning of the list and look for its columns."""
        fetched = await self._fetch("check", "", HEADER_BYTES)
        try:
            check_header(fetched.body or b"", self._layout)
        except UnreadableFeed as error:
            raise self._client.protocol_error("check", error.sentence, error.excerpt) from None

    async def fetch_offers(self, version: str | None) -> OfferSnapshot:
        """The whole list, or `unchanged`: he says so (304), or the bytes and our layout are the same."""
        known = FeedVersion.parse(version)
        if known is not None and known.layout != self._layout.digest():
            known = None  # The same bytes would now be read differently.
        asked_at = self._clock.now()
        fetched = await self._fetch("fetch_offers", known.etag if known else "", None)
        work = partial(read_snapshot, fetched, known, self._layout, asked_at=asked_at)
        try:
            return await self._client.in_thread(work, operation="fetch_offers")
        except UnreadableFeed as error:
            raise self._client.protocol_error("fetch_offers", error.sentence, error.excerpt) from None

    async def aclose(self) -> None:
        """Give back connections and threads. May be called twice."""
        await self._client.aclose()

    async def _fetch(self, operation: str, etag: str, bytes_wanted: int | None) -> Fetched:
        path = self._settings.feed_path
        if path is not None:
            content = await self._client.read_file(path, operation=operation, bytes_wanted=bytes_wanted)
            written_at = datetime.fromtimestamp(content.modified_epoch_seconds, UTC)
            return Fetched(content.body, "", written_at.isoformat(), "modification time")
        answer = await self._client.get(
            self._settings.feed_url,
            operation=operation,
            credentials=self._settings.feed_credentials(),
            headers={"If-None-Match": etag} if etag else {},
            bytes_wanted=bytes_wanted,
        )
        return self._fetched(answer, operation, asked_with=etag)

    def _fetched(self, answer: Answer, operation: str, *, asked_with: str) -> Fetched:
        stated_in = self._settings.as_of_header
        stated = answer.headers.get(stated_in.lower(), "")
        etag = answer.headers.get("etag", "")
        if answer.status != 304:
            return Fetched(answer.body, etag if len(etag) <= ETAG_LENGTH_MAX else "", stated, stated_in)
        if not asked_with:
            raise self._client.protocol_error(operation, "HTTP status 304 though no version was named")
        return Fetched(None, asked_with, stated, stated_in)


class OrderingSupplier(FeedSupplier):
    """A supplier who also takes orders by HTTP POST; implements TakesPurchaseOrders."""

    async def place_order(self, request: PurchaseRequest) -> PurchaseOutcome:
        """Order; our reference goes along as Idempotency-Key, so that sending it again buys nothing more."""
        operation = "place_order"
        credentials = Credentials(token=_secret(self._settings.purchase_token))
        answer = await self._client.post(
            self._settings.purchase_url,
            order_json(request),
            operation=operation,
            credentials=credentials,
            headers={"Idempotency-Key": request.reference},
        )
        try:
            outcome = read_answer(answer.body, request, credentials.secrets())
        except UnreadableAnswer as unreadable:
            excerpt = answer.body[:ANSWER_EXCERPT_BYTES].decode("utf-8", "replace")
            text = withhold(excerpt, request, credentials.secrets())
            if answer.status >= 400:
                sentence = f"HTTP status {answer.status}: {text[:200] or 'no reason given'}"
                raise self._client.refusal(operation, sentence, str(answer.status)) from None
            raise self._client.protocol_error(operation, str(unreadable), text) from None
        if answer.status in (400, 422) and outcome.verdict is not PurchaseVerdict.REFUSED:
            raise self._client.protocol_error(operation, f"HTTP status {answer.status} with an order taken")
        return outcome


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(word.split()).casefold() for word in words)
