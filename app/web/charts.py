"""Geometry of the charts: from figures to rectangles and points in a box of 100 by 100, without a database.

The words stand in HTML beside the drawing, so that they keep the reader's size on every screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One part of a bar; `tone` names its colour in the style sheet."""

    tone: str
    start: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row or column: its name, its parts, and what it says in words."""

    label: str
    segments: Sequence[Segment]
    text: str
    note: str = ""


def share_bar(
    label: str, share: float | None, text: str, *, weak: float | None = None, note: str = ""
) -> Bar:
    """Return a bar from 0 to 100 %, its end hatched for the part whose evidence is weak."""
    length = 100 * min(max(share or 0, 0), 1)
    weak_length = length * min(max(weak or 0, 0), 1)
    segments = [
        Segment(tone="main", start=0, length=length - weak_length),
        Segment(tone="weak", start=length - weak_length, length=weak_length),
    ]
    return Bar(label=label, segments=[one for one in segments if one.length > 0], text=text, note=note)


def stacked_bar(label: str, parts: Sequence[tuple[str, int]], highest: int, text: str, note: str = "") -> Bar:
    """Return a bar of several parts on a scale that ends at `highest`."""
    segments, start = [], 0.0
    for tone, value in parts:
        length = 100 * value / highest if highest else 0
        if length:
            segments.append(Segment(tone=tone, start=start, length=length))
        start += length
    return Bar(label=label, segments=segments, text=text, note=note)


def line(values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """Return the lines through shares from 0 to 1, broken where there is no value; y grows downward."""
    width = 100 / max(len(values), 1)
    lines: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
        else:
            lines[-1].append((width * (place + 0.5), 100 - 100 * min(max(value, 0), 1)))
    return [points for points in lines if points]


def scale_end(highest: int) -> int:
    """Return a round, even number at or above the highest value."""
    step = 2
    while True:
        for factor in (1, 2, 3, 5):
            if factor * step >= highest:
                return factor * step
        step *= 10
