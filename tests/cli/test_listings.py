"""listings, link, unlink, enforce, unpark, plan, release: what each says and what it leaves in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.attention.question import Question, Topic
from syncd.attention.store import ask
from syncd.identity import ListingKey
from syncd.ledger.store import clear_touched, read_touched
from syncd.listing.belief import Belief
from syncd.listing.listing import Listing
from syncd.listing.store import mark_ended, read_listings
from syncd.push.plan import Hold, PushState
from syncd.push.store import hold_channel, mark_pending, read_hold, read_states, save_state
from tests.support.cli import EBAY, MOMENT, SHOP, Session, Shop, listing_key

GLOVES = listing_key("ebay", "110")


def state_of(shop: Shop, key: ListingKey, **changes: object) -> None:
    """The push state of a listing, as the pusher would have left it."""

    async def work(session: Session) -> None:
        state = replace(PushState(key, version=1), **changes)  # type: ignore[arg-type]
        marked = mark_pending({key: state.target}, session.clock.now())
        await session.writer.write(marked)
        await session.writer.write(save_state(state, seen_version=1))

    shop.within(work)


def read(shop: Shop, key: ListingKey) -> Listing:
    """The listing as the store has it."""

    async def work(session: Session) -> Listing:
        async with session.db.read() as conn:
            return (await read_listings(conn, keys=[key]))[key]

    return shop.within(work)


def marked(shop: Shop) -> set[str]:
    """The SKUs the planner will look at."""

    async def work(session: Session) -> set[str]:
        async with session.db.read() as conn:
            return set(await read_touched(conn, 100))

    return shop.within(work)


def clear_marks(shop: Shop) -> None:
    """As if the planner had looked at everything."""

    async def work(session: Session) -> None:
        async with session.db.read() as conn:
            touched = await read_touched(conn, 100)
        await session.writer.write(clear_touched(touched))

    shop.within(work)


def topics(shop: Shop) -> list[tuple[str, str]]:
    """What is asked of a person."""
    return [(one["topic"], one["subject"]) for one in shop.told("questions")]


def test_no_listing_yet(shop: Shop) -> None:
    """Before the first sweep there is nothing, said in words and as data."""
    assert "No listing is known yet" in shop.done("listings")
    assert shop.told("listings") == []


@pytest.mark.both_stores
def test_every_state_has_its_word(shop: Shop) -> None:
    """in sync, pending, parked, unlinked, ended, observe and not configured are told apart."""
    shop.stocked("GLOVE-X", 2)
    for number, shown in enumerate((2, 5, 5), 1):
        shop.listed(listing_key("ebay", str(number)), "GLOVE-X", shown)
    state_of(shop, listing_key("ebay", "1"), target=2, pending=False, acknowledged=2, acknowledged_at=MOMENT)
    state_of(shop, listing_key("ebay", "2"), target=2)
    state_of(shop, listing_key("ebay", "3"), target=2, parked="21919: not allowed")
    shop.listed(listing_key("ebay", "4"), None, 1)
    ended = shop.listed(listing_key("ebay", "5"), "GLOVE-X", 1)
    shop.within(lambda session: session.writer.write(mark_ended(ended)))
    shop.listed(listing_key("shop", "6"), "GLOVE-X", 1)
    shop.listed(listing_key("gone", "7"), "GLOVE-X", 1)
    clear_marks(shop)
    states = {one["listing"]: one["state"] for one in shop.told("listings")}
    assert states == {
        "ebay:1": "in sync",
        "ebay:2": "pending",
        "ebay:3": "parked",
        "ebay:4": "unlinked",
        "ebay:5": "ended",
        "shop:6": "observe",
        "gone:7": "not configured",
    }
    said = shop.done("listings")
    assert said.startswith("7 listings: ")
    assert "parked: 21919: not allowed" in " ".join(said.split())
    assert "syncd link LISTING SKU" in said


def test_listings_of_one_channel_as_data(shop: Shop) -> None:
    """Target, expected number and the way of the last push are told; a wrong channel is refused with the nearest."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, "GLOVE-X", 5)
    shop.listed(listing_key("shop", "9"), "GLOVE-X", 5)
    [told] = shop.told("listings", "--channel", "ebay")
    assert (told["channel"], told["sku"], told["target"], told["expected"]) == ("ebay", "GLOVE-X", 2, 5)
    assert "did you mean ebay?" in shop.refused("listings", "--channel", "ebai")


@pytest.mark.both_stores
def test_link_says_what_a_listing_sells(shop: Shop) -> None:
    """One SKU, a pack or a bundle; SKUs are marked, the question is closed, what was said before is replaced."""
    shop.stocked("GLOVE-X", 2)
    shop.stocked("TONGS", 4, "Tongs")
    shop.listed(GLOVES, None, 1)
    asked = ask(Question(Topic.UNLINKED_LISTING, str(GLOVES), "what is it?", MOMENT))
    shop.within(lambda session: session.writer.write(asked))
    told = shop.told("link", str(GLOVES), "GLOVE-X:2", "TONGS")
    assert told["components"] == [{"sku": "GLOVE-X", "units": 2}, {"sku": "TONGS", "units": 1}]
    assert topics(shop) == []
    assert {"GLOVE-X", "TONGS"} <= marked(shop)
    assert "ebay:110 sells 1 × TONGS" in shop.done("link", str(GLOVES), "TONGS")
    assert [part.sku for part in read(shop, GLOVES).components] == ["TONGS"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("ebay:110", "GLOVE-Z"), "did you mean GLOVE-X?"),
        (("ebay:110", "GLOVE-X:0"), "1 to 100000 units"),
        (("ebay:110", "GLOVE-X", "GLOVE-X:2"), "named twice"),
        (("ebay:999", "GLOVE-X"), "there is no listing ebay:999"),
        (("GLOVE-X", "ebay:110"), "write it as CHANNEL:LISTING_ID"),
    ],
)
def test_link_typed_wrongly(shop: Shop, words: tuple[str, ...], complaint: str) -> None:
    """A wrong listing, SKU or number of units changes nothing."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, None, 1)
    assert complaint in shop.refused("link", *words)
    assert read(shop, GLOVES).components == ()


def test_a_listing_with_units_in_flight_is_not_relinked(shop: Shop) -> None:
    """While a sale's order is awaited its units are held for this SKU: linking waits for it."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, "GLOVE-X", 1, Belief(shown=1, shown_at=MOMENT, in_flight=1))
    for words in (("link", str(GLOVES), "GLOVE-X:2"), ("unlink", str(GLOVES))):
        assert "whose order is not in yet" in shop.refused(*words)
    assert [part.units for part in read(shop, GLOVES).components] == [1]


@pytest.mark.both_stores
def test_unlink_asks_again(shop: Shop) -> None:
    """An unlinked listing sells nothing of ours, and the question what it sells is open again."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, "GLOVE-X", 1)
    assert "linked to nothing now" in shop.done("unlink", str(GLOVES))
    assert read(shop, GLOVES).components == ()
    assert topics(shop) == [("unlinked_listing", "ebay:110")]
    assert "linked to nothing" in shop.refused("unlink", str(GLOVES))


@pytest.mark.both_stores
def test_enforce_puts_our_number_back(shop: Shop) -> None:
    """The disagreement is forgotten, the question closed and the SKU marked."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, "GLOVE-X", 1, Belief(shown=1, shown_at=MOMENT, disagreed_at=MOMENT))
    drift = ask(Question(Topic.DRIFT, str(GLOVES), "edited by hand", MOMENT))
    shop.within(lambda session: session.writer.write(drift))
    clear_marks(shop)
    assert "our number again" in shop.done("enforce", str(GLOVES))
    assert read(shop, GLOVES).belief.disagreed_at is None
    assert (topics(shop), marked(shop)) == ([], {"GLOVE-X"})


def test_enforce_of_an_unlinked_listing(shop: Shop) -> None:
    """Without a SKU there is no number of ours to put back."""
    shop.listed(GLOVES, None, 1)
    assert "syncd link ebay:110 SKU" in shop.refused("enforce", str(GLOVES))


@pytest.mark.both_stores
def test_unpark_tries_again(shop: Shop) -> None:
    """A parked listing is pending again, its attempts forgotten and the question closed; one that is not is refused."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(GLOVES, "GLOVE-X", 1)
    assert "is not parked" in shop.refused("unpark", str(GLOVES))
    state_of(shop, GLOVES, parked="refused", attempts=8)
    parked = ask(Question(Topic.PARKED_LISTING, str(GLOVES), "refused", MOMENT))
    shop.within(lambda session: session.writer.write(parked))
    assert shop.told("unpark", str(GLOVES))["listing"] == "ebay:110"

    async def state(session: Session) -> PushState:
        async with session.db.read() as conn:
            return (await read_states(conn, keys=[GLOVES]))[GLOVES]

    found = shop.within(state)
    assert (found.parked, found.attempts, found.pending) == ("", 0, True)
    assert topics(shop) == []


@pytest.mark.both_stores
def test_plan_shows_what_would_be_pushed(shop: Shop) -> None:
    """Lower at once, raise after a reading; a listing that shows its target only with --all; unmarked ones too."""
    shop.stocked("GLOVE-X", 2)
    shop.stocked("TONGS", 9, "Tongs")
    shop.listed(GLOVES, "GLOVE-X", 5)
    shop.listed(listing_key("ebay", "111"), "TONGS", 9)
    told = shop.told("plan", "ebay")
    [intent] = told["intents"]
    assert (told["mode"], told["held"], told["braked"]) == ("live", "", None)
    assert (intent["listing"], intent["move"], intent["shown"], intent["quantity"]) == ("ebay:110", "send", 5, 2)
    every = {one["listing"]: one["why"] for one in shop.told("plan", "ebay", "--all")["intents"]}
    assert every == {"ebay:110": "lower", "ebay:111": "shows its target"}
    assert "1 number to send" in shop.done("plan", "ebay")


def test_plan_of_an_observed_channel(shop: Shop) -> None:
    """In observe mode the plan is the same, and it says that nothing of it is sent."""
    shop.stocked("GLOVE-X", 2)
    shop.listed(listing_key("shop", "9"), "GLOVE-X", 5)
    assert shop.told("plan", "shop")["intents"][0]["move"] == "send"
    assert "none of this is sent" in shop.done("plan", "shop")
    assert "there is no channel shap; did you mean shop?" in shop.refused("plan", "shap")


def test_plan_says_when_the_brake_would_hold(shop: Shop) -> None:
    """A run that would empty most of a channel's listings is announced as one that asks first."""
    shop.stocked("GLOVE-X", 0)
    for number in range(25):
        shop.listed(listing_key("ebay", str(number)), "GLOVE-X", 3)
    assert shop.told("plan", "ebay")["braked"] == "this run would show 0 on 25 of 25 listings at once"
    assert "held to ask first" in shop.done("plan", "ebay")


@pytest.mark.both_stores
def test_release_lets_a_held_channel_go_on(shop: Shop) -> None:
    """The hold ends, the brake stays open for the minutes given, and both questions are closed."""
    writes = (
        hold_channel(Hold(EBAY, "too much at once", MOMENT)),
        ask(Question(Topic.BRAKE, EBAY, "too much at once", MOMENT)),
        ask(Question(Topic.CHANNEL_PAUSED, EBAY, "refused", MOMENT)),
    )
    shop.within(lambda session: session.writer.write(*writes))
    assert "is held: too much at once" in shop.done("plan", "ebay")
    assert shop.told("release", "ebay", "--minutes", "5")["was_held"] == "too much at once"

    async def hold(session: Session) -> tuple[Hold | None, bool]:
        async with session.db.read() as conn:
            found = await read_hold(conn, EBAY)
        assert found is not None
        assert found.released_until is not None
        return found, found.released_until > session.clock.now()

    found, is_open = shop.within(hold)
    assert found is not None
    assert (found.reason, is_open, topics(shop)) == ("", True, [])
    assert "is not held" in shop.refused("release", "ebay")
    assert "there is no channel" in shop.refused("release", "amazon")
    assert "is not held" in shop.refused("release", SHOP)
