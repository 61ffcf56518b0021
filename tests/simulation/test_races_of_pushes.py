"""Races R1 to R9 of the protocol, each told twice: it ends right, and without its defence it ends wrong.

A defence is taken away by putting another part in the place of the one that holds it, never by a switch in the rooms.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from syncd.availability.derivation import Derivation
from syncd.channel.port import OrderStatus
from syncd.ledger.balance import Balances
from syncd.ledger.movement import LOSS, Movement, Reason, available
from syncd.listing import observation
from syncd.listing.belief import acknowledged
from syncd.listing.listing import Listing
from syncd.listing.observation import Finding, Manner
from syncd.orders import intake as orders_intake
from syncd.orders.need import Intake, IntakePolicy, Situation
from syncd.push.plan import Intent, Move, intend
from syncd.push.service_proof import Prover
from syncd.testkit.simulation.channel import Mishap
from syncd.testkit.simulation.house import House, Story
from syncd.testkit.simulation.truth import standing
from tests.simulation.stage import DEFENDED, LATE, LATE_BOTH, buy_out, ended, judge, play, put_in_place


def send_what_differs(
    listing: Listing, _state: object, derivation: Derivation, *_known: object, **_more: object
) -> Intent:
    """A pusher that raises as readily as it lowers: no reading, no waiting for orders, no doubt about lost answers."""
    target, expected = derivation.target or 0, listing.belief.expected
    move = Move.NOTHING if target == expected else Move.SEND
    return Intent(listing.key, move, "differs", target, expected)


async def nothing_proved(_self: Prover, _run: object, _sent: object) -> None:
    """A prover that reads nothing back."""


FORGETFUL = Story(idle_seconds=5)
"""Channels of which it is not known that they carry out a write whose caller has given up."""

OUTLASTING = replace(
    FORGETFUL,
    channels={name: replace(facts, write_outlasts_seconds=60) for name, facts in FORGETFUL.channels.items()},
)
"""Channels that may still carry out a write a minute after it was sent, and say so."""


@DEFENDED
def test_r01_push_before_import(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number raised while a sale is not imported yet must not put the sold unit back on sale.

    Defence: raising rests on a fresh reading, and the sold counter in it puts the unit in flight.
    """
    if not defended:
        put_in_place(monkeypatch, intend, send_what_differs)

    async def tale(house: House) -> list[str]:
        market, _ = await house.both(5)
        house.shops["market"].sell(market, 1)
        await house.stock("X", 3)
        await house.settle()
        sold = 1 + buy_out(house, "market", market)
        wrong = [f"{sold} sold of 8"] if sold > 8 else []
        return wrong + await ended(house)

    judge(play(tale, LATE), defended, "1 × X oversold")


@DEFENDED
def test_r02_sale_while_a_push_is_on_its_way(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale between computing a number and its being applied is overwritten by it: found at once, and put right.

    Defence: the read-back after the acknowledgement.
    """
    if not defended:
        monkeypatch.setattr(Prover, "prove", nothing_proved)

    async def tale(house: House) -> list[str]:
        market, _ = await house.both(5)
        await house.stock("X", -1)
        sale = house.shops["market"].sell
        await house.during(house.settle(), "market", "push_quantities", lambda: sale(market, 1))
        await house.settle()
        buy_out(house, "market", market)
        return await ended(house)

    judge(play(tale, LATE), defended, "1 × X oversold")


@DEFENDED
@pytest.mark.parametrize("name", ["market", "shop"])
def test_r03_an_older_number_arrives_after_a_newer_one(name: str, defended: bool) -> None:
    """A call nobody waits for any more is carried out late and overwrites what was written since: found and put right.

    Defence: after a lost answer nothing is sent until no such call can be under way: a fact of the channel.
    """

    async def tale(house: House) -> list[str]:
        listings = dict(zip(("market", "shop"), await house.both(5), strict=True))
        await house.start()
        house.channels[name].mishaps.append(Mishap("push_quantities", late_seconds=45))
        await house.stock("X", -1)
        await house.pass_time(20)
        await house.stock("X", -3)
        await house.pass_time(100)
        buy_out(house, name, listings[name])
        return await ended(house, 200)

    judge(play(tale, OUTLASTING if defended else FORGETFUL), defended, "X oversold")


@DEFENDED
def test_r04_no_answer_is_read_never_guessed(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that got lost after the number was applied: sending it again would bring back what sold since.

    Defence: an unknown outcome is read before anything else is sent.
    """
    if not defended:
        put_in_place(monkeypatch, intend, send_what_differs)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        house.channels["shop"].mishaps.append(Mishap("push_quantities", answer_lost=True))
        await house.stock("X", -2)
        sale = house.shops["shop"].sell
        house.later(10, lambda: sale(listing, 1))
        for _ in range(4):
            await house.settle()
            await house.clock.sleep(1)
        buy_out(house, "shop", listing)
        return await ended(house)

    judge(play(tale, LATE_BOTH), defended, "1 × X oversold")


@DEFENDED
def test_r05_a_shown_number_is_never_posted(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale seen first as a lower number and then as an order takes its units once.

    Defence: an observation moves a belief and, beyond the sold counter, no stock.
    """
    if not defended:

        def booked(listing: Listing, seen: object, manner: Manner, balances: Balances | None) -> Finding:
            finding = observation.find(listing, seen, manner, balances)  # type: ignore[arg-type]
            if finding.drift >= 0:
                return finding
            here, key = available("main"), f"seen:{manner.at.isoformat()}"
            part = listing.components[0]
            lost = Movement(key, part.sku, -finding.drift, here, LOSS, Reason.CORRECTION, manner.at)
            return replace(finding, movements=(*finding.movements, lost))

        put_in_place(monkeypatch, observation.find, booked)
        monkeypatch.setattr("syncd.listing.store._skus_in_question", lambda known, _seen, _manner: known.skus)

    async def tale(house: House) -> list[str]:
        _, listing = await house.both(5)
        house.shops["shop"].sell(listing, 2)
        await house.look("shop", listing)
        wrong = await ended(house)
        held = (await standing(house)).held()
        return wrong + ([] if held == {"available": 3, "reserved": 2} else [f"of 5 units the books hold {held}"])

    judge(play(tale), defended, "of 5 units the books hold {'available': 1, 'reserved': 2}")


@DEFENDED
def test_r06_our_own_number_is_no_edit_of_the_sellers(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What we wrote ourselves, read back, is not taken for an edit: on a channel whose edits are adopted it would
    make stock out of nothing, push it, and adopt that again.

    Defence: an accepted number becomes what the listing is believed to show.
    """
    if not defended:
        put_in_place(monkeypatch, acknowledged, lambda belief, _sent, _at: belief)
        monkeypatch.setattr(Prover, "prove", nothing_proved)

    async def tale(house: House) -> list[str]:
        await house.both(5)
        await house.stock("X", 3)
        wrong = await ended(house, 200)
        held = (await standing(house)).held()
        return wrong + ([] if held == {"available": 8} else [f"of 8 units the books hold {held}"])

    story = Story(options={"shop": {"drift": "adopt", "sweep_interval_seconds": 30}})
    judge(play(tale, story), defended, "of 8 units the books hold")


@DEFENDED
def test_r07_a_copied_order_is_no_second_sale(defended: bool) -> None:
    """Another program writes the market's sale into the webshop as an order of its own: one unit went, not two.

    Defence: an order marked as a copy takes no stock, and the webshop's number is put right. (Without a mark nothing
    tells it from a sale.)
    """

    async def tale(house: House) -> list[str]:
        market, listing = await house.both(5)
        webshop = house.shops["shop"]

        def copy(_order_id: str) -> None:
            copied = webshop.sell(listing, 1)
            if defended:
                webshop.mark_copy(copied)

        house.shops["market"].told.append(copy)
        house.shops["market"].sell(market, 1)
        wrong = await ended(house)
        held = (await standing(house)).held()
        return wrong + ([] if held == {"available": 4, "reserved": 1} else [f"of 5 units the books hold {held}"])

    judge(play(tale), defended, "of 5 units the books hold {'available': 3, 'reserved': 2}")


@DEFENDED
def test_r08_each_channel_restores_by_its_own_rule(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled order puts its unit back by itself in the webshop and never on the market: both end at 5.

    Defence: what a channel took off and put back is reckoned by its own facts; a counted sale stays counted.
    """
    if not defended:

        def restored(_self: object, line: object, _known: object) -> int:
            return 0 if line.cancelled else line.quantity  # type: ignore[attr-defined]

        monkeypatch.setattr(orders_intake._Judge, "_taken", restored)

    async def tale(house: House) -> list[str]:
        listings = dict(zip(("market", "shop"), await house.both(5), strict=True))
        orders = {name: house.shops[name].sell(listing, 1) for name, listing in listings.items()}
        await house.quiet(60)
        for name, order_id in orders.items():
            house.shops[name].cancel_order(order_id)
        return await ended(house)

    judge(play(tale), defended, "X: 1 still in flight although every order is in")


@DEFENDED
def test_r09_cancelled_before_it_was_ever_imported(defended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sale and its cancellation that both happen before the first import leave no unit behind, held or phantom.

    Defence: an order is taken in as it is now, cancelled ones included, which ends what was in flight for it.
    """
    if not defended:

        def only_sales(told: object, situation: Situation, policy: IntakePolicy, now: datetime) -> Intake:
            if situation.order is None and told.status is OrderStatus.CANCELLED:  # type: ignore[attr-defined]
                lines = tuple(replace(x, cancelled=0) for x in told.lines)  # type: ignore[attr-defined]
                told = replace(told, status=OrderStatus.PAID, lines=lines)  # type: ignore[type-var]
            return orders_intake.decide(told, situation, policy, now)  # type: ignore[arg-type]

        put_in_place(monkeypatch, orders_intake.decide, only_sales)

    async def tale(house: House) -> list[str]:
        market, _ = await house.both(5)
        order_id = house.shops["market"].sell(market, 2)
        await house.look("market", market)
        await house.settle()
        house.shops["market"].cancel_order(order_id, restock=True)
        wrong = await ended(house)
        for _ in range(2):
            await house.look("market", market)
            wrong = await ended(house)
        return wrong

    judge(play(tale, LATE), defended, "customers were promised 0, the books say 2")
