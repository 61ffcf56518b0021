"""How often a webhook is mended before it rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.webhook.care import MENDS_MAX, MENDS_WINDOW, Mends

START = datetime(2026, 5, 4, tzinfo=UTC)


def test_it_rests_after_so_many_and_wakes_a_day_after_the_first() -> None:
    """Each webhook has a count of its own; what is older than the window counts no more."""
    mends = Mends()
    for hours in range(MENDS_MAX):
        assert mends.worn_out(START + timedelta(hours=hours)) == ()
        mends = mends.with_more(["order.created"], START + timedelta(hours=hours))
    mends = mends.with_more(["order.updated"], START + timedelta(hours=MENDS_MAX))
    assert mends.worn_out(START + timedelta(hours=5)) == ("order.created",)
    assert mends.worn_out(START + MENDS_WINDOW - timedelta(seconds=1)) == ("order.created",)
    assert mends.worn_out(START + MENDS_WINDOW) == ()


@given(st.lists(st.tuples(st.integers(0, 100_000), st.sampled_from("ab")), max_size=200))
def test_whatever_breaks_no_webhook_is_mended_more_often(breaks: list[tuple[int, str]]) -> None:
    """However often the channel switches them off, in no window is one mended more often than it may be."""
    mends, made = Mends(), []
    for seconds, what in sorted(breaks):
        now = START + timedelta(seconds=seconds)
        if not mends.worn_out(now):
            mends = mends.with_more([what], now)
            made.append((now, what))
    for at, what in made:
        near = [one for one in made if one[1] == what and at <= one[0] < at + MENDS_WINDOW]
        assert len(near) <= MENDS_MAX
    assert len(mends.made) <= 2 * MENDS_MAX
