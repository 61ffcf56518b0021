"""What follows from a push that did not succeed."""

from __future__ import annotations

import pytest

from syncd.channel.port import PushOutcome, PushVerdict
from syncd.identity import ListingId, ListingKey
from syncd.push.plan import PushConfig, PushState
from syncd.push.retry import after, pause
from tests.support.situations import CHANNEL, at

CONFIG = PushConfig(retry_first_seconds=2, retry_longest_seconds=60, attempts_max=4)
KEY = ListingKey(CHANNEL, ListingId("1001"))


def follow(verdict: PushVerdict, *, attempts: int = 0, uncertain: bool = False, code: str = "") -> PushState:
    """The state after this outcome."""
    outcome = PushOutcome(KEY.listing_id, verdict, code, "the channel's words")
    return after(PushState(KEY, attempts=attempts, uncertain=uncertain), outcome, CONFIG, at(0))


def test_rejected_is_parked_with_the_channels_words() -> None:
    """What repeating does not change waits for a person, who reads why."""
    then = follow(PushVerdict.REJECTED, code="21916286", uncertain=True)
    assert (then.parked, then.uncertain) == ("21916286: the channel's words", False)


def test_not_found_is_over() -> None:
    """A listing the channel does not know needs no further look."""
    then = follow(PushVerdict.NOT_FOUND)
    assert (then.pending, then.parked) == (False, "")


@pytest.mark.parametrize(("attempts", "wait"), [(0, 2), (1, 4), (2, 8)])
def test_deferred_is_tried_again_later_and_later(attempts: int, wait: float) -> None:
    """Pauses double."""
    then = follow(PushVerdict.DEFERRED, attempts=attempts)
    assert (then.not_before, then.attempts, then.parked) == (at(wait), attempts + 1, "")


@pytest.mark.parametrize("verdict", [PushVerdict.DEFERRED, PushVerdict.UNKNOWN])
def test_tries_are_bounded(verdict: PushVerdict) -> None:
    """After the last try the listing is parked and says what the channel last said."""
    assert "given up after 4 tries" in follow(verdict, attempts=3).parked


def test_a_long_rest_is_no_failed_try() -> None:
    """A month's selling limit asks for a day each time: a listing parked by it would not fall to 0 either."""
    outcome = PushOutcome(KEY.listing_id, PushVerdict.DEFERRED, "21916", "limit", wait_seconds=86_400)
    then = PushState(KEY)
    for _ in range(30):
        then = after(then, outcome, CONFIG, at(0))
    assert (then.parked, then.attempts, then.not_before) == ("", 1, at(86_400))


def test_unknown_is_uncertain_and_deferred_keeps_what_was() -> None:
    """An unknown outcome must be read; a later deferral does not make an earlier unknown one known."""
    assert follow(PushVerdict.UNKNOWN).uncertain
    assert not follow(PushVerdict.DEFERRED).uncertain
    assert follow(PushVerdict.DEFERRED, uncertain=True).uncertain


def test_acceptance_is_not_a_failure() -> None:
    """Asking what to do after an acceptance is a mistake of the caller's."""
    with pytest.raises(ValueError, match="needs no retry"):
        follow(PushVerdict.ACCEPTED)


def test_pause_is_bounded() -> None:
    """However often it was tried, the pause never grows beyond its bound."""
    assert [pause(n, CONFIG).total_seconds() for n in (1, 5, 6, 1000)] == [2, 32, 60, 60]


@pytest.mark.parametrize(("asked", "waits"), [(86_400.0, 86_400), (10.0, 16), (1e9, 86_400), (None, 16)])
def test_a_channel_may_ask_for_longer(asked: float | None, waits: float) -> None:
    """A selling limit passes no sooner; less than our own pause, or more than a day, is not believed."""
    outcome = PushOutcome(KEY.listing_id, PushVerdict.DEFERRED, "21919188", "the month's limit", asked)
    then = after(PushState(KEY, attempts=2), outcome, PushConfig(retry_first_seconds=4), at(0))
    assert then.not_before == at(waits)
