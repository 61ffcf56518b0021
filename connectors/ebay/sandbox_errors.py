"""The texts and classes of the error codes the stand-in answers with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorText:
    """What an Errors container says beside its code."""

    short: str
    long: str
    severity: str = "Error"
    classification: str = "RequestError"


_TEXTS = {
    "2": ErrorText("Unsupported API call.", 'The API call "{0}" is invalid or not supported in this release.'),
    "5": ErrorText("XML Parse error.", "XML Error Text: the request is not well-formed."),
    "17": ErrorText(
        "Item cannot be accessed.",
        "This item cannot be accessed because the listing has been deleted, is not yours or never was.",
    ),
    "240": ErrorText("The item cannot be listed or modified.", "The item was revised too often today."),
    "515": ErrorText(
        "Quantity is not valid.",
        "The quantity must be a valid number greater than 0.",
    ),
    "518": ErrorText("Call usage limit has been reached.", "Your application has exceeded usage limit on this call."),
    "930": ErrorText("Auth token is missing.", "No authentication token was found in the request."),
    "931": ErrorText("Auth token is invalid.", "Validation of the authentication token in API request failed."),
    "1047": ErrorText("Auction closed.", "The auction has already been closed."),
    "10007": ErrorText(
        "Internal error to the application.",
        "Internal error to the application.",
        classification="SystemError",
    ),
    "10009": ErrorText("Missing field.", "The required field {0} is missing."),
    "10012": ErrorText("Invalid value.", "The value of the field {0} is out of range."),
    "21917062": ErrorText("Result set too large.", "The result set is too large; ask for a shorter time range."),
    "21916254": ErrorText("Too many containers.", "The request has exceeded the maximum allowed containers (4)."),
    "21916286": ErrorText(
        "Unsupported ListingType.",
        "Valid Listing type for fixedprice apis are FixedPriceItem and StoresFixedPrice.",
    ),
    "21916311": ErrorText("Nothing to revise.", "At least one of price and quantity must be given."),
    "21916735": ErrorText("Variation SKU required.", "A variation of a listing must be named by its SKU."),
    "21916736": ErrorText("Variation not found.", "The listing has no variation with this SKU."),
    "21916750": ErrorText("FixedPrice item ended.", 'You are not allowed to revise an ended item "{0}".'),
    "21916799": ErrorText("SKU Mismatch.", "SKU does not exist in Non-ManageBySKU item specified by ItemID."),
    "21917053": ErrorText("Expired IAF token.", "IAF token supplied is expired."),
    "21917092": ErrorText(
        "Requested Quantity revision is redundant.", "The existing quantity is the same.", severity="Warning"
    ),
    "21919144": ErrorText(
        "Request limit exceeded.", "You have exceeded the limit of this call. Try again after 15 seconds."
    ),
    "21919188": ErrorText("Selling limit reached.", "You have reached your selling limit for this month."),
    "21919474": ErrorText(
        "Inventory-managed listing.", "Inventory-based listing management is not supported by this tool."
    ),
}


def error_text(code: str, parameters: tuple[str, ...] = ()) -> ErrorText:
    """The texts of a code with its parameters filled in; a plain one for a code without texts."""
    known = _TEXTS.get(code, ErrorText("The request was refused.", f"Error {code}."))
    if "{0}" not in known.long:
        return known
    first = parameters[0] if parameters else ""
    return ErrorText(known.short, known.long.format(first), known.severity, known.classification)
