"""Small multiples as one SVG: shares month by month, every panel on the same scale from 0 to 100 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, GAP = 220, 132, 20
"""One panel, and the space between two, in pixels."""

TOP, BOTTOM, SIDE = 28, 22, 12


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure: its title, and a share (0 to 1) for each month, None where there was nothing to judge."""

    title: str
    points: Sequence[tuple[str, float | None]]


def small_multiples(panels: Sequence[Panel], description: str) -> str:
    """The panels side by side. Lines break where nothing was judged; the last value stands on its line."""
    width = len(panels) * (WIDTH + GAP) - GAP
    drawn = "".join(_panel(one, number * (WIDTH + GAP)) for number, one in enumerate(panels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        f'role="img" font-family="system-ui,sans-serif" font-size="11"><title>{escape(description)}</title>'
        f"{drawn}</svg>"
    )


def _panel(panel: Panel, left: int) -> str:
    step = (WIDTH - 2 * SIDE - 30) / max(1, len(panel.points) - 1)
    places = [(left + SIDE + number * step, month, share) for number, (month, share) in enumerate(panel.points)]
    right = left + WIDTH - SIDE
    grid = "".join(
        f'<line x1="{left + SIDE}" x2="{right}" y1="{_y(share):.1f}" y2="{_y(share):.1f}" stroke="currentColor" '
        f'stroke-opacity="{opacity}"/>'
        for share, opacity in ((0.0, 0.5), (0.5, 0.12), (1.0, 0.25))
    )
    title = f'<text x="{left + SIDE}" y="13" font-weight="600" fill="currentColor">{escape(panel.title)}</text>'
    scale = f'<text x="{right}" y="{_y(1.0) - 3:.1f}" text-anchor="end" fill="currentColor" opacity=".6">100 %</text>'
    return grid + title + scale + _lines(places) + _marks(places) + _months(places)


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _lines(places: Sequence[tuple[float, str, float | None]]) -> str:
    """One line for each stretch of months without a gap."""
    stretches: list[list[str]] = [[]]
    for x, _, share in places:
        if share is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{x:.1f},{_y(share):.1f}")
    return "".join(
        f'<polyline points="{" ".join(one)}" fill="none" stroke="currentColor" stroke-width="2"/>'
        for one in stretches
        if len(one) > 1
    )


def _marks(places: Sequence[tuple[float, str, float | None]]) -> str:
    seen = [(x, share) for x, _, share in places if share is not None]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{_y(share):.1f}" r="2.5" fill="currentColor"/>' for x, share in seen)
    if not seen:
        return dots
    x, share = seen[-1]
    said = f'<text x="{x + 6:.1f}" y="{_y(share) + 4:.1f}" font-weight="600" fill="currentColor">{share:.0%}</text>'
    return dots + said


def _months(places: Sequence[tuple[float, str, float | None]]) -> str:
    ends = [places[0], places[-1]] if len(places) > 1 else list(places)
    return "".join(
        f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}" fill="currentColor" opacity=".6">{month}</text>'
        for (x, month, _), anchor in zip(ends, ("start", "middle"), strict=False)
    )
