"""What an operator writes under [supplier.NAME] for the dropship connector, and what does not fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.dropship.access import Credentials
from connectors.dropship.mapping import FeedLayout
from connectors.dropship.mapping_format import Writing
from connectors.dropship.mapping_number import QuantityWords
from connectors.dropship.mapping_rows import Sheet
from connectors.dropship.mapping_table import Dialect
from connectors.dropship.settings_ways import Answers, Mail, Sftp, secret_text

FEED_SCHEMES = ("http", "https", "sftp")
PURCHASE_SCHEMES = ("http", "https", "sftp", "mailto")
ANSWERS_SCHEMES = ("http", "https", "sftp", "imap", "imaps")

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

    feed_url: str = Field(
        default="", description="address of the list: http, https or sftp; either this or `feed_path`"
    )
    feed_path: Path | None = Field(
        default=None, description="file holding the list, or folder where the newest file counts; or `feed_url`"
    )
    feed_pattern: str = Field(
        default="*", min_length=1, description="which files of a folder are lists, such as `stock-*.csv`"
    )
    feed_settle_seconds: float = Field(
        default=10.0,
        ge=0,
        le=86_400,
        description="a file that was another one at a look less than this ago may not be whole, and waits",
    )
    feed_token: SecretStr | None = Field(default=None, description="secret: token for the list")
    feed_token_parameter: str = Field(
        default="", description="URL parameter that carries `feed_token`; empty: Authorization: Bearer"
    )
    feed_username: str = Field(default="", description="user name for the list (HTTP Basic)")
    feed_password: SecretStr | None = Field(default=None, description="secret: password of `feed_username`")
    purchase_url: str = Field(
        default="", description="where orders go: http, https, sftp or mailto; empty: ordered by hand"
    )
    purchase_token: SecretStr | None = Field(
        default=None, description="secret: token for an http `purchase_url` and `answers_url`"
    )
    answers_url: str = Field(
        default="", description="where he answers later: http, https, sftp, imaps; empty: he does not, or by hand"
    )
    answers_path: Path | None = Field(default=None, description="folder where his answers arrive, instead")
    sftp: Sftp | None = Field(default=None, description="table: who we are on his SFTP server, and who he is")
    mail: Mail | None = Field(default=None, description="table: the mail account that orders and reads answers")
    columns: Columns = Field(description="table: what the columns of the list are called")
    answers: Answers = Field(default_factory=Answers, description="table: how his answers are written")
    format: Literal["auto", "csv", "json", "xml", "xlsx"] = Field(
        default="auto", description="how the list is written; `auto` tells by its first bytes"
    )
    sheet: str = Field(default="", max_length=100, description="sheet of an XLSX list; empty: the first")
    rows_at: str = Field(
        default="",
        max_length=200,
        description="where the articles are: in JSON the path of the list, in XML the name of an article's element; "
        "empty: the only list, or what stands directly below the root",
    )
    delimiter: str = Field(default="auto", description="one character, `tab`, or `auto` to try ; , tab and bar")
    quote: str = Field(default='"', max_length=1, description="quote character; empty: nothing is quoted")
    encoding: str = Field(default="auto", description="`utf-8-sig`, `cp1252`, …; `auto` tells them apart")
    decimal_mark: Literal["auto", ",", "."] = Field(
        default="auto", description="`,` reads 1.000 as a thousand, `.` as one; `auto` as one, and says so"
    )
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$", description="currency of the cost column")
    yes_quantity: int = Field(default=1, ge=0, le=100_000, description="pieces that a word such as 'sì' means")
    yes_words: tuple[str, ...] = Field(
        default=("sì", "si", "yes", "y", "true", "disponibile", "available", "in stock"),
        description="words in the quantity column that stand for `yes_quantity` pieces",
    )
    no_words: tuple[str, ...] = Field(
        default=("no", "n", "false", "esaurito", "non disponibile", "out of stock", "sold out"),
        description="words in the quantity column that stand for 0 pieces",
    )
    as_of_header: str = Field(default="Last-Modified", description="HTTP header that says when the list was made")
    rows_max: int = Field(default=500_000, ge=1, description="most rows; a longer list is refused whole")
    body_bytes_max: int = Field(default=50_000_000, ge=1_000, description="longest list, expanded, in bytes")
    private_hosts: bool = Field(
        default=False, description="the hosts named here may lie in a private network; redirects never lead into one"
    )
    connect_timeout_seconds: float = Field(default=10.0, gt=0, le=300, description="longest wait to connect")
    timeout_seconds: float = Field(default=120.0, gt=0, le=3600, description="longest time for one call")

    @field_validator("feed_url")
    @classmethod
    def _is_feed_address(cls, url: str) -> str:
        return _address(url, FEED_SCHEMES, "https://supplier.example/list.csv", "feed_username and feed_password")

    @field_validator("purchase_url")
    @classmethod
    def _is_purchase_address(cls, url: str) -> str:
        return _address(url, PURCHASE_SCHEMES, "https://supplier.example/orders", "[supplier.NAME.sftp] or .mail")

    @field_validator("answers_url")
    @classmethod
    def _is_answers_address(cls, url: str) -> str:
        return _address(url, ANSWERS_SCHEMES, "sftp://supplier.example/answers/", "[supplier.NAME.sftp] or .mail")

    @field_validator("feed_token", "purchase_token", "feed_password")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        text = secret_text(secret)
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
        schemes = {urlsplit(url).scheme for url in (self.feed_url, self.purchase_url, self.answers_url)}
        by_web = urlsplit(self.feed_url).scheme in ("http", "https")
        purchase_by_web = {"http", "https"} & {urlsplit(u).scheme for u in (self.purchase_url, self.answers_url)}
        found = {
            "set either feed_url or feed_path": bool(self.feed_url) == (self.feed_path is not None),
            "set answers_url or answers_path, not both": bool(self.answers_url) and self.answers_path is not None,
            "feed_username and feed_password go together": bool(self.feed_username) != (self.feed_password is not None),
            "feed_username must not hold a colon": ":" in self.feed_username,
            "use feed_token or feed_username, not both": self.feed_token is not None and bool(self.feed_username),
            "feed_token_parameter needs feed_token": bool(self.feed_token_parameter) and self.feed_token is None,
            "a file at feed_path needs no credentials": self.feed_path is not None and self._has_feed_credentials,
            "an sftp:// address takes its credentials from [supplier.NAME.sftp]": not by_web
            and bool(self.feed_url)
            and self._has_feed_credentials,
            "purchase_token needs purchase_url": self.purchase_token is not None and not purchase_by_web,
            "an sftp:// address needs the table [supplier.NAME.sftp]": "sftp" in schemes and self.sftp is None,
            "ordering by mail needs the table [supplier.NAME.mail] with smtp_url": "mailto" in schemes
            and (self.mail is None or not self.mail.smtp_url),
            "reading answers by mail needs [supplier.NAME.mail] with username, password and answers_from": bool(
                schemes & {"imap", "imaps"}
            )
            and (self.mail is None or not self.mail.reads),
            "quote and delimiter are the same character": bool(self.quote) and self.quote == self.delimiter,
        }
        problems = [sentence for sentence, is_so in found.items() if is_so]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def _has_feed_credentials(self) -> bool:
        return self.feed_token is not None or bool(self.feed_username)

    def feed_credentials(self) -> Credentials:
        """What proves us to the list."""
        return Credentials(
            token=secret_text(self.feed_token),
            token_parameter=self.feed_token_parameter,
            username=self.feed_username,
            password=secret_text(self.feed_password),
        )

    def purchase_credentials(self) -> Credentials:
        """What proves us to the order desk."""
        return Credentials(token=secret_text(self.purchase_token))

    def secrets(self) -> tuple[str, ...]:
        """Every form in which a secret could come back in an answer."""
        told = (*self.feed_credentials().secrets(), *self.purchase_credentials().secrets())
        return (*told, *(self.sftp.secrets() if self.sftp else ()), *(self.mail.secrets() if self.mail else ()))

    def layout(self) -> FeedLayout:
        """How the list is written."""
        words = QuantityWords(_words(self.yes_words), _words(self.no_words), self.yes_quantity)
        return FeedLayout(
            sku_column=self.columns.sku,
            quantity_column=self.columns.quantity,
            title_column=self.columns.title,
            cost_column=self.columns.cost,
            writing=self.writing(),
            words=words,
            decimal_mark=self.decimal_mark,
            currency=self.currency,
            rows_max=self.rows_max,
        )

    def writing(self) -> Writing:
        """How the bytes of the list are written."""
        dialect = Dialect(self.delimiter, self.quote, self.encoding)
        return Writing(self.format, dialect, Sheet(self.sheet, self.rows_at), self.body_bytes_max)


def _address(url: str, schemes: tuple[str, ...], example: str, elsewhere: str) -> str:
    parts = urlsplit(url)
    is_mail = parts.scheme == "mailto" and "mailto" in schemes
    has_place = "@" in parts.path if is_mail else bool(parts.hostname) and parts.port != 0
    if url and (parts.scheme not in schemes or not has_place):
        raise ValueError(f"write a whole address, such as {example}")
    if parts.username or parts.password:
        raise ValueError(f"a password does not belong in an address; use {elsewhere}")
    return url


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(word.split()).casefold() for word in words)
