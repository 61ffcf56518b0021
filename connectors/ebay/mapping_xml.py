"""Reads Trading API XML: hardened parsing, and the envelope (Ack, Errors, Timestamp) that every reply has.

Pure. Namespaces are dropped after parsing: every Trading document has exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from syncd.identity import Money

ACK_GOOD = frozenset({"Success", "Warning"})


class Unreadable(ValueError):
    """A document or a field in it cannot be read; the text is one sentence without personal data."""


@dataclass(frozen=True, slots=True)
class TradingError:
    """One `Errors` container of a reply."""

    code: str
    short: str
    long: str
    is_error: bool
    """False for a warning."""
    is_system: bool
    """ErrorClassification SystemError: eBay's own trouble, not the request's."""
    parameters: tuple[tuple[str, str], ...] = ()
    """(ParamID, Value) pairs; they say which item or SKU is meant."""

    @property
    def sentence(self) -> str:
        """What eBay says, the longer text where there is one."""
        return self.long or self.short or f"error {self.code}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that is well-formed and of the call that was made; whether it succeeded is in `ack` and
    `errors`.
    """

    root: Element
    ack: str
    errors: tuple[TradingError, ...]
    timestamp: datetime | None
    """eBay's own clock when it answered."""
    correlation_id: str | None

    @property
    def is_good(self) -> bool:
        """Ack Success or Warning."""
        return self.ack in ACK_GOOD


def parse_document(body: bytes) -> Element:
    """The root element, without namespaces. Raises Unreadable for anything but one well-formed, DTD-free
    document.
    """
    try:
        root: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except ParseError as fault:
        line, column = fault.position
        raise Unreadable(f"the XML is malformed at line {line}, column {column}") from None
    except DefusedXmlException:
        raise Unreadable("the XML carries a document type or entity declaration, which is not accepted") from None
    except (LookupError, ValueError):
        raise Unreadable("the XML declares a text encoding that cannot be read") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def read_reply(body: bytes, call: str) -> Reply:
    """The reply to `call`. Raises Unreadable when it is not one."""
    root = parse_document(body)
    if root.tag != f"{call}Response":
        raise Unreadable(f"the answer to {call} is a <{root.tag[:60]}>, not a <{call}Response>")
    ack = text(root, "Ack")
    if ack is None:
        raise Unreadable(f"the answer to {call} has no Ack")
    stamp = text(root, "Timestamp")
    return Reply(
        root=root,
        ack=ack,
        errors=tuple(_error(element) for element in root.findall("Errors")),
        timestamp=moment(stamp) if stamp else None,
        correlation_id=text(root, "CorrelationID"),
    )


NUMBER_LENGTH_MAX = 15
"""Digits of the longest number read: what eBay counts is an int; a database holds some nineteen digits, and sums."""


def text(element: Element, path: str) -> str | None:
    """The stripped text at `path` such as 'SellingStatus/QuantitySold'; None when absent or empty."""
    found = element.find(path)
    stripped = (found.text or "").strip() if found is not None else ""
    return stripped or None


def needed(element: Element, path: str) -> str:
    """The text at `path`. Raises Unreadable when absent or empty."""
    found = text(element, path)
    if found is None:
        raise Unreadable(f"{element.tag}.{path.replace('/', '.')} is missing")
    return found


def number(element: Element, path: str) -> int:
    """The whole number at `path`. Raises Unreadable when it is missing, none, or longer than eBay's own (int, long)."""
    found = needed(element, path)
    if len(found) <= NUMBER_LENGTH_MAX:
        try:
            return int(found)
        except ValueError:
            pass
    raise Unreadable(f"{element.tag}.{path.replace('/', '.')} is not a whole number")


def moment(stamp: str) -> datetime:
    """An eBay dateTime ('2026-01-01T00:00:00.000Z') as aware UTC. Raises Unreadable."""
    try:
        read = datetime.fromisoformat(stamp)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last day there are have no UTC in every zone
        raise Unreadable("a date and time is not written as eBay writes them") from None


def stamp(at: datetime) -> str:
    """A moment as eBay writes it: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(element: Element, path: str) -> Money:
    """The amount at `path` with its currencyID. Raises Unreadable."""
    found = element.find(path)
    if found is None:
        raise Unreadable(f"{element.tag}.{path.replace('/', '.')} is missing")
    try:
        return Money.parse(found.text or "", found.get("currencyID", ""))
    except ValueError as fault:
        raise Unreadable(f"{element.tag}.{path.replace('/', '.')}: {fault}") from None


def _error(element: Element) -> TradingError:
    parameters = tuple(
        (parameter.get("ParamID", ""), text(parameter, "Value") or "")
        for parameter in element.findall("ErrorParameters")
    )
    return TradingError(
        code=text(element, "ErrorCode") or "",
        short=text(element, "ShortMessage") or "",
        long=text(element, "LongMessage") or "",
        is_error=text(element, "SeverityCode") != "Warning",
        is_system=text(element, "ErrorClassification") == "SystemError",
        parameters=parameters,
    )
