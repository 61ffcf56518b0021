"""The command that posts a movement by hand, through the same door as everybody else."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import typer

from syncd.cli.levels import levels_of, show_levels
from syncd.cli.options import Common, command
from syncd.cli.screen import GOOD, LOOK, answer, data, fail, say
from syncd.cli.session import Session, in_session, parsed
from syncd.errors import OperatorError
from syncd.ledger.balance import StockLevel
from syncd.ledger.location import Locations
from syncd.ledger.movement import CUSTOMER, LOSS, PART_MARK, SUPPLIER, Account, Movement, Reason, State
from syncd.ledger.store import Outcome, Verdict, post, read_balances
from syncd.scanner.scan import level_values

QUANTITY_MAX = 1_000_000
"""Most units posted at once: a slip of the finger is larger."""

BY_HAND = (State.AVAILABLE, State.UNAVAILABLE)
"""The states a person may post from and to; reserved and in-flight belong to orders."""

Flag = bool


@dataclass(frozen=True)
class Why:
    """Why units move: one of these."""

    receipt: Annotated[Flag, typer.Option("--receipt", help="A delivery: supplier → available.")] = False
    returned: Annotated[Flag, typer.Option("--return", help="A customer's return: customer → available.")] = False
    restock: Annotated[Flag, typer.Option("--restock", help="Mended: unavailable → available.")] = False
    damaged: Annotated[Flag, typer.Option("--damaged", help="Not fit to sell: available → unavailable.")] = False
    shrinkage: Annotated[Flag, typer.Option("--shrinkage", help="Gone: available → loss.")] = False
    sale: Annotated[Flag, typer.Option("--sale", help="Sold over the counter: available → customer.")] = False
    discard: Annotated[Flag, typer.Option("--discard", help="Thrown away: unavailable → loss.")] = False
    correction: Annotated[
        Flag, typer.Option("--correction", help="Found: loss → available; lost with --from LOCATION/available.")
    ] = False
    reason: Annotated[Reason | None, typer.Option("--reason", help="Any other reason; then give --from and --to.")] = (
        None
    )

    def chosen(self) -> Reason:
        """The one reason given."""
        flags = {
            Reason.RECEIPT: self.receipt,
            Reason.RETURN: self.returned,
            Reason.RESTOCK: self.restock,
            Reason.DAMAGED: self.damaged or self.discard,
            Reason.SHRINKAGE: self.shrinkage,
            Reason.SALE: self.sale,
            Reason.CORRECTION: self.correction,
        }
        if self.damaged and self.discard:
            raise typer.BadParameter("--damaged sets aside, --discard throws away: one of them")
        given = [reason for reason, is_set in flags.items() if is_set] + ([self.reason] if self.reason else [])
        if len(given) == 1:
            return given[0]
        said = "Say why, once" if given else "Say why"
        raise typer.BadParameter(
            f"{said}: --receipt, --return, --restock, --damaged, --discard, --shrinkage, --sale, --correction or "
            "--reason REASON"
        )


@dataclass(frozen=True)
class Route:
    """From where to where, and the key that makes a repeat harmless."""

    source: Annotated[str | None, typer.Option("--from", metavar="ACCOUNT", help="e.g. main/available")] = None
    to: Annotated[str | None, typer.Option("--to", metavar="ACCOUNT", help="e.g. garage/unavailable")] = None
    location: Annotated[
        str | None, typer.Option("--location", "-l", help="Where, when no account is given; else the first place.")
    ] = None
    reference: Annotated[str, typer.Option("--reference", help="What it is for, e.g. a delivery note.")] = ""
    key: Annotated[
        str | None, typer.Option("--key", help="Makes a repeat harmless; without it a new one is made and shown.")
    ] = None

    def accounts(self, why: Why, locations: Locations, held: Collection[Account]) -> tuple[Account, Account]:
        """Source and destination: as given, else as the reason has them. What is `held` may leave wherever it lies."""
        reason = why.chosen()
        usual = _usual(reason, self.location or locations.default)
        if why.discard:
            usual = (Account(self.location or locations.default, State.UNAVAILABLE), LOSS)
        if reason is Reason.CORRECTION and self.source and not self.to:
            usual = (None, LOSS)
        source = parsed(Account.parse, self.source) if self.source else usual[0]
        to = parsed(Account.parse, self.to) if self.to else usual[1]
        if source is None or to is None:
            raise OperatorError(f"a {reason.value} has no usual way: give --from ACCOUNT and --to ACCOUNT")
        for account in (source, to):
            if account.is_ours and account.state not in BY_HAND:
                raise OperatorError(f"{account} belongs to orders: nothing is posted from or to it by hand")
            problem = None if account == source and account in held else locations.account_problem(account)
            if problem is not None:
                raise OperatorError(problem)
        return source, to

    def key_or_new(self) -> str:
        """The key given, or a new one."""
        if self.key is not None and PART_MARK in self.key:
            raise OperatorError(f"a key may not contain '{PART_MARK}'")
        return self.key or str(uuid.uuid4())


def _usual(reason: Reason, location: str) -> tuple[Account | None, Account | None]:
    here = parsed(Account.parse, f"{location}/{State.AVAILABLE.value}")
    aside = Account(location, State.UNAVAILABLE)
    return {
        Reason.RECEIPT: (SUPPLIER, here),
        Reason.RETURN: (CUSTOMER, here),
        Reason.RESTOCK: (aside, here),
        Reason.DAMAGED: (here, aside),
        Reason.SHRINKAGE: (here, LOSS),
        Reason.SALE: (here, CUSTOMER),
        Reason.PROMOTION: (here, CUSTOMER),
        Reason.CORRECTION: (LOSS, here),
    }.get(reason, (None, None))


def register(group: typer.Typer) -> None:
    """Add this command to `stock`."""
    command(group, "post")(post_stock)


def post_stock(
    sku: Annotated[str, typer.Argument(metavar="SKU")],
    quantity: Annotated[
        int, typer.Argument(metavar="QUANTITY", min=1, max=QUANTITY_MAX, help="How many; packs with a pack's barcode.")
    ],
    why: Why,
    route: Route,
    common: Common,
) -> None:
    """Post a movement: units from one account to another, with a reason. Nothing of ours ever goes below zero.

    JSON: {"verdict", "key", "sku", "quantity", "source", "destination", "reason", "explanation", "positions", "stock":
    [LOCATION, …]} with each location as in `stock show`; "positions" say which movement of the log it is, or which one
    was posted before with its key.
    """
    reason = why.chosen()
    key = route.key_or_new()

    async def work(session: Session) -> tuple[Movement, Outcome[None], list[StockLevel]]:
        found = await session.coded(sku)
        async with session.db.read() as conn:
            held = (await read_balances(conn, [found.sku])).by_sku.get(found.sku, {})
        source, to = route.accounts(why, session.config.locations, held)
        moment, units = session.clock.now(), quantity * found.units
        moved = Movement(key, found.sku, units, source, to, reason, moment, route.reference, session.actor)
        return moved, await session.submit(post([moved])), await levels_of(session, found.sku)

    moved, outcome, levels = in_session(common.path, work)
    if common.as_json:
        data(
            {
                **moved.words,
                "verdict": outcome.verdict.value,
                "explanation": outcome.explanation,
                "positions": list(outcome.positions),
                "stock": [level_values(level) for level in levels],
            }
        )
    else:
        _told(moved, outcome, levels)
    if outcome.verdict in (Verdict.CONFLICT, Verdict.REFUSED):
        fail()


def _told(moved: Movement, outcome: Outcome[None], levels: list[StockLevel]) -> None:
    way = f"{moved.quantity} × {moved.sku} from {moved.source} to {moved.destination} ({moved.reason.value})"
    number = ", ".join(f"movement {position}" for position in outcome.positions)
    match outcome.verdict:
        case Verdict.POSTED:
            answer(f"Posted as {number}: {way}.", GOOD)
        case Verdict.DUPLICATE:
            answer(f"Posted before as {number}, nothing moved: {way}.")
        case Verdict.CONFLICT:
            answer(f"Not posted, nothing moved: {outcome.explanation}, {number}.", LOOK)
        case Verdict.REFUSED:
            answer(f"Not posted, nothing moved: {outcome.explanation}.", LOOK)
    show_levels(levels)
    say(f"key {moved.key}: with --key the same command again moves nothing twice", "bright_black")
