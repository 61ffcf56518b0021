"""What we believe a listing shows: readings, hints, acceptances and orders, on channels with and without a counter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.listing.belief import SKEW_SECONDS_MAX, Belief, Reading, acknowledged, erased, hinted, observe, order_taken
from tests.support.situations import at, seen


def believed(shown: int = 5, sold: int | None = 10, **more: object) -> Belief:
    """A belief as after a reading at 0 s."""
    basis = Belief(shown=shown, shown_at=at(0), shown_sold=sold or 0, read_at=at(0), sold=sold, counted_from=at(0))
    return replace(basis, imported=sold or 0, **more)  # type: ignore[arg-type]


def read(belief: Belief, available: int | None, sold: int | None, when: float = 5, lag: int = 0) -> Reading:
    """The belief after an authenticated reading."""
    return observe(belief, seen(available, sold, asked=when), at(when), lag_seconds=lag)


def test_first_sight_is_a_baseline() -> None:
    """What was sold before we first saw a listing is none of our orders': nothing is unexplained."""
    reading = read(Belief(), 7, 40)
    assert (reading.drift, reading.belief.expected, reading.belief.unexplained) == (0, 7, 0)
    assert reading.belief.counted_from == at(5 - SKEW_SECONDS_MAX)


@pytest.mark.parametrize(
    ("available", "sold", "expected", "unexplained", "drift"),
    [
        (5, 10, 5, 0, 0),  # nothing happened
        (4, 11, 4, 1, 0),  # a sale the counter tells of
        (3, 12, 3, 2, 0),  # two of them
        (6, 10, 6, 0, 1),  # the seller typed a higher number
        (4, 10, 4, 0, -1),  # … or a lower one
        (5, 11, 5, 1, 1),  # a sale, and somebody wrote it over
    ],
)
def test_reading_with_a_counter(available: int, sold: int, expected: int, unexplained: int, drift: int) -> None:
    """The counter separates sales, which are explained, from edits, which are drift."""
    reading = read(believed(), available, sold)
    assert (reading.belief.expected, reading.belief.unexplained, reading.drift) == (expected, unexplained, drift)
    assert (reading.belief.disagreed_at is not None) == (drift != 0)


@pytest.mark.parametrize(("available", "drift"), [(5, 0), (4, -1), (7, 2)])
def test_reading_without_a_counter(available: int, drift: int) -> None:
    """Without a counter every difference is drift: a sale cannot be told from an edit."""
    reading = read(believed(sold=None), available, None)
    assert (reading.belief.expected, reading.belief.unexplained, reading.drift) == (available, 0, drift)


def test_channel_keeps_no_number() -> None:
    """A listing without a number of its own has nothing to be believed."""
    assert read(believed(), None, None).belief.expected is None


def test_counter_that_appears_is_a_baseline() -> None:
    """A channel that begins to count starts a new baseline instead of a flood of unexplained sales."""
    assert read(believed(sold=None), 5, 900).belief.unexplained == 0


def test_older_news_is_ignored() -> None:
    """A reading asked for before our number was accepted says nothing about it."""
    belief = acknowledged(believed(), 2, at(20))
    assert read(belief, 5, 10, when=15).belief == belief


def test_clock_set_back_does_not_silence_readings() -> None:
    """A clock that was set back an hour must not make every reading look like old news for an hour."""
    belief = replace(believed(), shown_at=at(3600))
    assert read(belief, 3, 10, when=5).belief.shown == 3


def test_hint_lowers_and_confirming_reading_keeps() -> None:
    """A hint counts a sale at once; the reading that confirms it turns it into a counted one."""
    belief = hinted(believed(), seen(4, 11, asked=3))
    assert (belief.expected, belief.unexplained) == (4, 1)
    confirmed = read(belief, 4, 11)
    assert (confirmed.belief.hinted, confirmed.belief.unexplained, confirmed.drift) == (0, 1, 0)


@pytest.mark.parametrize(("when", "still"), [(10, 1), (122, 1), (123, 0), (500, 0)])
def test_unconfirmed_hint_fades_after_the_lag(when: float, still: int) -> None:
    """A hint the channel does not confirm holds until the channel has had time to tell, and no longer."""
    belief = hinted(believed(), seen(4, 11, asked=3))
    assert read(belief, 5, 10, when=when, lag=120).belief.unexplained == still


@pytest.mark.parametrize(
    ("available", "sold", "expected"),
    [(9, 10, 5), (9, 9, 5), (0, 1000, 0), (4, None, 5), (2, 12, 3)],
)
def test_hint_never_raises_and_is_bounded(available: int, sold: int | None, expected: int) -> None:
    """Of an unproven hint only further sales are believed, and never more than is shown."""
    assert hinted(believed(), seen(available, sold, asked=3)).expected == expected


def test_hint_on_an_unseen_listing_means_nothing() -> None:
    """Before the first reading there is nothing to lower."""
    assert hinted(Belief(), seen(4, 11)) == Belief()


def test_own_sale_lowers_what_is_expected() -> None:
    """After importing the channel's own sale the listing must show one less: no push is due for it."""
    assert order_taken(believed(), 1, at(3)).expected == 4
    assert order_taken(believed(sold=None), 1, at(3)).expected == 4


def test_order_already_in_the_reading_is_not_taken_twice() -> None:
    """A sale the counter told of is explained by its order and lowers nothing again."""
    belief = order_taken(read(believed(), 4, 11).belief, 1, at(3))
    assert (belief.expected, belief.unexplained) == (4, 0)


@pytest.mark.parametrize(("changed", "expected"), [(3, 5), (5, 5), (6, 4)])
def test_order_before_or_after_the_number_was_read(changed: float, expected: int) -> None:
    """Without a counter an order only lowers what is believed if it changed after the number was read or set."""
    belief = read(believed(sold=None), 5, None).belief
    assert order_taken(belief, 1, at(changed)).expected == expected


def test_channel_that_puts_back_raises_what_is_expected() -> None:
    """A cancellation the channel restocks raises the number it must be showing."""
    assert order_taken(believed(sold=None), -1, at(3)).expected == 6


def test_accepted_number_already_counts_imported_sales() -> None:
    """A number accepted after an imported sale is not lowered by that sale a second time."""
    belief = order_taken(believed(shown=20), 1, at(3))
    belief = acknowledged(belief, 18, at(4))
    assert belief.expected == 18


def test_sale_imported_after_the_acceptance_lowers_again() -> None:
    """Only sales after the accepted number are taken off it."""
    belief = acknowledged(order_taken(believed(shown=20), 1, at(3)), 18, at(4))
    assert order_taken(belief, 1, at(6)).expected == 17


def test_accepted_number_already_counts_hinted_sales() -> None:
    """A number computed with a hinted sale in flight is not lowered by the hint again."""
    belief = acknowledged(hinted(believed(), seen(4, 11, asked=3)), 3, at(4))
    assert belief.expected == 3


def test_reading_after_an_acceptance_finds_no_drift() -> None:
    """Counted, imported and accepted: the reading that follows agrees."""
    belief = acknowledged(order_taken(believed(shown=20), 1, at(3)), 18, at(4))
    reading = read(belief, 18, 11)
    assert (reading.drift, reading.belief.unexplained) == (0, 0)


def test_orders_ahead_of_the_counter_never_hide_a_unit() -> None:
    """A reading whose counter lags behind our orders is believed as it is: too high costs a call, too low a phantom."""
    belief = order_taken(believed(), 1, at(3))
    assert read(belief, 5, 10).belief.expected == 5


def test_counter_that_forgot_a_sale_is_let_go_after_the_lag() -> None:
    """A sale the channel no longer counts must not hide the next one for ever."""
    belief = order_taken(believed(), 1, at(3))
    belief = read(belief, 5, 10, when=5, lag=60).belief
    assert read(belief, 4, 11, when=30, lag=60).belief.unexplained == 0
    belief = read(belief, 5, 10, when=70, lag=60).belief
    assert read(belief, 4, 11, when=80, lag=60).belief.unexplained == 1


def test_falling_counter_holds_until_every_lag_has_passed() -> None:
    """A counter that goes back is doubted first, and a new baseline only once it stays so."""
    first = read(believed(), 6, 9, when=5, lag=60).belief
    assert (first.expected, first.disagreed_at, first.read_at) == (5, at(5), at(5))
    second = read(first, 6, 9, when=30, lag=60).belief
    assert (second.expected, second.fell_at) == (5, at(5))
    third = read(second, 6, 9, when=65, lag=60).belief
    assert (third.expected, third.unexplained, third.fell_at) == (6, 0, None)


def test_stale_reading_is_overtaken_by_a_fresh_one() -> None:
    """A counter that only seemed to fall goes on as if nothing had been."""
    belief = read(believed(), 6, 9, when=5, lag=60).belief
    reading = read(belief, 4, 11, when=8, lag=60)
    assert (reading.belief.expected, reading.belief.unexplained, reading.belief.fell_at) == (4, 1, None)


@pytest.mark.parametrize(
    ("sold_after", "shown_after", "lost"),
    [(10, 3, 0), (11, 2, 0), (11, 3, 1), (13, 3, 3), (13, 1, 1)],
)
def test_erased(sold_after: int, shown_after: int, lost: int) -> None:
    """What our push of 3 overwrote is exactly what the counter rose by and the number did not fall by."""
    assert erased(sold_before=10, sold_after=sold_after, sent=3, shown_after=shown_after) == lost
