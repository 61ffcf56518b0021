"""What to do about one listing now, and when a whole run must hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from syncd.availability.derivation import Derivation
from syncd.channel.port import ListingStatus
from syncd.channel.throttle import Urgency
from syncd.identity import ListingId, ListingKey
from syncd.listing.belief import Belief
from syncd.listing.listing import Component, Listing
from syncd.push.plan import Changes, Gate, Intent, Move, PushConfig, PushState, brake, changes, intend, risk
from tests.support.situations import CHANNEL, X, at, listing

NOW = at(100)
GATE = Gate(at(95), reads=True, fresh_read_seconds=30)
BLIND = Gate(at(95), reads=False, fresh_read_seconds=30)
BASIS = Belief(shown=5, shown_at=at(90), read_at=at(90), sold=0)


def decide(
    target: int | None, belief: Belief = BASIS, state: PushState | None = None, gate: Gate = GATE, **told: object
) -> Intent:
    """The intent for a listing believed so."""
    one: Listing = replace(listing(Component(X), belief=belief), **told)  # type: ignore[arg-type]
    return intend(one, state or PushState(one.key), Derivation((), target, "why not"), gate, NOW)


def state(**told: object) -> PushState:
    """A listing's push state."""
    return PushState(ListingKey(CHANNEL, ListingId("1001")), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "move"),
    [(None, Move.NOTHING), (5, Move.NOTHING), (4, Move.SEND), (0, Move.SEND), (6, Move.SEND)],
)
def test_target_against_what_is_shown(target: int | None, move: Move) -> None:
    """Nothing when it shows its target or has none, a send when it differs and rests on fresh ground."""
    assert decide(target).move is move


@pytest.mark.parametrize("read_at", [None, at(69)])
def test_raising_rests_on_a_fresh_reading(read_at: object) -> None:
    """A number is raised on a reading of the last 30 s only; lowering waits for nothing."""
    belief = replace(BASIS, read_at=read_at)
    assert (decide(6, belief).move, decide(4, belief).move) == (Move.READ, Move.SEND)


def test_an_acceptance_is_no_reading() -> None:
    """That the channel took our number a moment ago does not tell what was sold before: it is read before a rise."""
    assert decide(6, replace(BASIS, shown_at=at(99), read_at=at(40))).move is Move.READ


@pytest.mark.parametrize(
    ("watermark", "move"), [(None, Move.WAIT), (at(89), Move.WAIT), (at(91), Move.SEND), (at(99), Move.SEND)]
)
def test_raising_after_a_disagreement_waits_for_the_orders(watermark: object, move: Move) -> None:
    """A number that fell may be a fresh sale: it is raised only once the orders up to that moment are in (R11)."""
    gate = replace(GATE, watermark_at=watermark)
    assert decide(6, replace(BASIS, disagreed_at=at(90)), gate=gate).move is move
    assert decide(4, replace(BASIS, disagreed_at=at(90)), gate=gate).move is Move.SEND


def test_asking_channel_never_raises_an_edited_number() -> None:
    """With drift policy "ask" a number edited on the channel waits for a person."""
    asking = replace(GATE, asks=True)
    assert decide(6, replace(BASIS, disagreed_at=at(90), drift=-1), gate=asking).move is Move.WAIT


def test_an_explained_number_asks_nobody() -> None:
    """Once an order accounts for what a reading was surprised by, "ask" waits for no person."""
    assert decide(6, replace(BASIS, disagreed_at=at(90)), gate=replace(GATE, asks=True)).move is Move.SEND


def test_never_read_is_read_first() -> None:
    """Nothing is sent to a listing never seen, unless the channel cannot be read."""
    assert (decide(3, Belief()).move, decide(3, Belief(), gate=BLIND).move) == (Move.READ, Move.SEND)


def test_without_stock_management_it_says_what_to_switch_on() -> None:
    """A listing that was read and has no number is read again; the reason is not that nobody ever looked."""
    intent = decide(3, Belief(read_at=at(90)))
    assert (intent.move, "switch stock management on" in intent.why) == (Move.READ, True)


@pytest.mark.parametrize("target", [4, 5, 6])
def test_uncertain_push_is_read_before_anything(target: int) -> None:
    """After a push of unknown outcome the listing is read, never guessed; a channel without reading gets it again."""
    assert decide(target, state=state(uncertain=True)).move is Move.READ
    assert decide(target, state=state(uncertain=True), gate=BLIND).move is Move.SEND


@pytest.mark.parametrize(
    ("told", "move"),
    [
        ({"parked": "refused"}, Move.NOTHING),
        ({"not_before": at(101)}, Move.WAIT),
        ({"not_before": at(100)}, Move.SEND),
    ],
)
def test_parked_and_waiting(told: dict[str, object], move: Move) -> None:
    """A parked listing is left alone, one that waits to be tried again is left until then."""
    assert decide(4, state=state(**told)).move is move


def test_ended_listing_is_left_alone() -> None:
    """Nothing is sent to a listing that has ended."""
    assert decide(4, status=ListingStatus.ENDED).move is Move.NOTHING


def test_urgency_orders_zero_first_then_scarce_then_increases() -> None:
    """What an oversell would come from goes first."""
    intents = [decide(9), decide(4), decide(0), decide(1), decide(7)]
    ranked = sorted(intents, key=lambda intent: intent.order)
    assert [intent.quantity for intent in ranked] == [0, 1, 4, 7, 9]
    assert [intent.urgency for intent in ranked] == [
        Urgency.FIRST,
        Urgency.LOWER,
        Urgency.LOWER,
        Urgency.RAISE,
        Urgency.RAISE,
    ]


def test_the_faster_seller_goes_first() -> None:
    """Of two numbers alike in kind the one that sells faster goes first, never before a crossing to zero."""
    slow, fast = risk(9, 4, sold_per_day=1), risk(9, 5, sold_per_day=40)
    assert risk(9, 0, sold_per_day=0) < fast < slow < risk(20, 8, sold_per_day=5000)
    assert risk(3, 4, sold_per_day=5000) > risk(20, 8, sold_per_day=0)
    assert risk(0, 0, sold_per_day=0) > risk(1, 0, sold_per_day=0)
    assert risk(9, 4, sold_per_day=1e9) >= risk(9, 0, sold_per_day=1e9)


TODAY = NOW.date()


@pytest.mark.parametrize(
    ("revised", "day", "moves"),
    [
        (199, TODAY, (Move.SEND, Move.SEND, Move.SEND)),
        (200, TODAY, (Move.WAIT, Move.SEND, Move.SEND)),
        (249, TODAY, (Move.WAIT, Move.SEND, Move.SEND)),
        (250, TODAY, (Move.WAIT, Move.WAIT, Move.WAIT)),
        (250, TODAY - timedelta(days=1), (Move.SEND, Move.SEND, Move.SEND)),
    ],
)
def test_the_last_changes_of_a_listing_are_for_lower_numbers(revised: int, day: date, moves: tuple[Move, ...]) -> None:
    """Below a fifth of the day's changes a listing only falls; once they are used up it waits for the next day."""
    gate = replace(GATE, revisions_per_day=250)
    known = state(revised=revised, revised_on=day)
    assert tuple(decide(target, state=known, gate=gate).move for target in (6, 4, 0)) == moves


@pytest.mark.parametrize(("sent", "move"), [(99, Move.WAIT), (76, Move.WAIT), (75, Move.READ), (60, Move.READ)])
def test_a_lost_request_is_waited_out(sent: float, move: Move) -> None:
    """Where a request without an answer may run on, neither a newer number nor a reading comes before it has ended."""
    gate = replace(GATE, outlasts_seconds=25)
    lost = state(uncertain=True, sent=4, sent_at=at(sent))
    assert decide(0, state=lost, gate=gate).move is move
    assert decide(0, state=replace(lost, acknowledged_at=at(sent)), gate=gate).move is Move.READ


@pytest.mark.parametrize(
    ("made", "listings", "holds"),
    [
        (Changes(19, 19), 20, False),  # too few to mean anything
        (Changes(20, 0), 66, True),
        (Changes(20, 0), 67, False),
        (Changes(0, 30), 99, True),
        (Changes(0, 30), 100, False),
    ],
)
def test_brake(made: Changes, listings: int, holds: bool) -> None:
    """Too large a share rising or falling to zero at once holds and says how many of how many."""
    reason = brake(made, listings, PushConfig())
    assert (reason is not None) is holds
    assert reason is None or f"of {listings} listings" in reason


def test_changes_count_sends_and_reads_of_known_numbers() -> None:
    """A rise that is to be read first counts as a rise; a listing never seen counts as nothing."""
    stale = replace(BASIS, read_at=at(0))
    intents = [decide(6), decide(6, stale), decide(0), decide(4), decide(5), decide(9, Belief())]
    assert changes(intents) == Changes(raised=2, zeroed=1)
