"""A bar chart over time, in the eighths of a block that terminals can draw."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], top: float, height: int) -> list[str]:
    """Lines of text from the top down; a value of `top` fills the height."""
    levels = [round(min(max(value, 0) / top, 1) * height * 8) for value in values]
    return [
        "".join(_EIGHTHS[min(max(level - below * 8, 0), 8)] for level in levels)
        for below in reversed(range(height))
    ]


def columns(values: Sequence[tuple[float, float]], seconds: float, width: int) -> list[float]:
    """One value for each of `width` equal times of `seconds`: the highest, or the last known."""
    found: list[float] = []
    place = 0
    for column in range(width):
        end = (column + 1) * seconds / width
        new = []
        while place < len(values) and values[place][0] < end:
            new.append(values[place][1])
            place += 1
        if not new and place >= len(values):
            break
        found.append(max(new) if new else found[-1] if found else 0.0)
    return found
