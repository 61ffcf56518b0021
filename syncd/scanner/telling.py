"""What became of a scan, in the words of the person who made it: short, in his language, from the same facts."""

from __future__ import annotations

from syncd.ledger.balance import StockLevel
from syncd.scanner.scan import Scan, ScanKind, ScanResult, ScanVerdict
from syncd.wording.wording import Voice


def tell(scan: Scan, result: ScanResult, title: str, voice: Voice) -> str:
    """One sentence for the page. `title` is what the thing is called, or its code."""
    facts = {
        "units": abs(scan.quantity),
        "title": title,
        "place": scan.location,
        "to": scan.to_location or "",
        "order": scan.order or "",
        "code": scan.code,
        "broken": result.broken,
    }
    _ = voice.gettext
    match result.verdict:
        case ScanVerdict.POSTED | ScanVerdict.DUPLICATE:
            said = _done(scan, result, voice) % _with_count(facts, result)
            if result.broken:
                said += ". " + _("Orders were promised %(broken)s of these; their customers are asked") % facts
            return said
        case ScanVerdict.RECOUNT:
            return _("Count %(title)s once more") % facts
        case ScanVerdict.UNKNOWN_CODE:
            return _("Nobody knows the code %(code)s yet") % facts
        case ScanVerdict.CONFLICT:
            return _("This scan was sent before with other content. Scan it again") % facts
        case ScanVerdict.REFUSED:
            return _refused(scan, result, voice) % (facts | _held(result.levels))


def tell_taken_back(result: ScanResult, voice: Voice) -> str:
    """One sentence about a scan that was to be taken back."""
    _ = voice.gettext
    if result.verdict in (ScanVerdict.POSTED, ScanVerdict.DUPLICATE):
        return _("Taken back")
    return _("This cannot be taken back any more. Count the shelf, or ask who answers for the stock")


def _with_count(facts: dict[str, object], result: ScanResult) -> dict[str, object]:
    count = result.count
    if count is None:
        return facts
    return facts | {"expected": count.expected, "difference": f"{count.difference:+d}"}


def _done(scan: Scan, result: ScanResult, voice: Voice) -> str:
    _ = voice.gettext
    match scan.kind:
        case ScanKind.RECEIPT:
            return _("Received %(units)s × %(title)s")
        case ScanKind.COUNTER_SALE:
            return _("Sold %(units)s × %(title)s")
        case ScanKind.COUNT if result.count is not None and result.count.difference:
            return _("Counted %(units)s × %(title)s; the books said %(expected)s (%(difference)s)")
        case ScanKind.COUNT:
            return _("Counted %(units)s × %(title)s, as the books say")
        case ScanKind.ADJUST if scan.quantity > 0:
            return _("Added %(units)s × %(title)s")
        case ScanKind.ADJUST:
            return _("Took away %(units)s × %(title)s")
        case ScanKind.DAMAGED:
            return _("Set aside %(units)s × %(title)s")
        case ScanKind.RETURN:
            return _("Took back %(units)s × %(title)s")
        case ScanKind.RESTOCK:
            return _("%(units)s × %(title)s are on sale again")
        case ScanKind.DISCARD:
            return _("Threw away %(units)s × %(title)s")
        case ScanKind.TRANSFER:
            return _("Carried %(units)s × %(title)s to %(to)s")
        case ScanKind.PICK if scan.quantity:
            return _("Picked %(units)s × %(title)s for %(order)s")
        case ScanKind.PICK:
            return _("No %(title)s for %(order)s")


def _held(levels: tuple[StockLevel, ...]) -> dict[str, object]:
    level = levels[0] if levels else None
    free = level.available if level else 0
    return {"free": free, "here": free + level.reserved if level else 0, "aside": level.unavailable if level else 0}


def _refused(scan: Scan, result: ScanResult, voice: Voice) -> str:
    """Why not, and what to do; a refusal without levels was made before the shelf was looked at."""
    _ = voice.gettext
    if not result.levels:
        if scan.kind is ScanKind.PICK:
            return _("There is no order %(order)s, or several of that number. Choose it from the list")
        return _("%(units)s is too many. Was a barcode typed into the number?")
    match scan.kind:
        case ScanKind.PICK:
            return _("Order %(order)s does not wait for %(units)s × %(title)s at %(place)s")
        case ScanKind.COUNTER_SALE:
            return _("The books hold %(here)s × %(title)s at %(place)s. Count the shelf, then sell again")
        case ScanKind.COUNT:
            return _("Some of what is missing is on its way to a customer or set aside. Look for it, then count again")
        case ScanKind.RESTOCK | ScanKind.DISCARD:
            return _("Only %(aside)s × %(title)s are set aside at %(place)s")
        case _:
            return _("Only %(free)s × %(title)s are free at %(place)s. Take fewer, or count the shelf")
