"""A table whose last column is a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoscaler.cli.render import words

ROOMY = 110
"""Columns from which the sentence has room beside the others; else it stands below its row."""
GAP, INDENT = 2, 2
"""Columns between two cells, and before what stands below the first line of a row."""


class Listing:
    """Drawn for the width that it is given: no cell is broken that fits by itself."""

    def __init__(self, *columns: str) -> None:
        """A column is named as in `words.table`; the last one is the sentence."""
        self._columns = columns
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: str | Text) -> None:
        """A cell for each column."""
        self._rows.append(tuple(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or where it is narrow as many lines a row as are needed, all rows alike."""
        if options.max_width < ROOMY:
            yield from self._narrow(options.max_width)
            return
        drawn = words.table(*self._columns)
        for row in self._rows:
            drawn.add_row(*row)
        yield drawn

    def _narrow(self, room: int) -> Iterator[RenderableType]:
        widths = [self._width(place) for place in range(len(self._columns) - 1)]
        lines = fitting(widths, room)
        heads = [Text(name.removeprefix(">"), style="bold") for name in self._columns]
        for cells in (heads, *self._rows):
            for places in lines:
                if any(cells[place].plain for place in places):
                    yield self._line(places, widths, cells)
            if cells is not heads:
                yield Padding(cells[-1], (0, 0, 0, INDENT))

    def _width(self, place: int) -> int:
        head = Text(self._columns[place].removeprefix(">"))
        return max(cell.cell_len for cell in (head, *(row[place] for row in self._rows)))

    def _line(
        self, places: Sequence[int], widths: Sequence[int], cells: Sequence[Text]
    ) -> RenderableType:
        drawn: Table = words.table(*(self._columns[place] for place in places))
        drawn.show_header = False
        for place, column in zip(places, drawn.columns, strict=True):
            column.width = widths[place]
        drawn.add_row(*(cells[place] for place in places))
        return Padding(drawn, (0, 0, 0, INDENT if places[0] else 0), expand=False)


def fitting(widths: Sequence[int], room: int) -> list[list[int]]:
    """The places of cells by line: as many as fit, the first line at the margin."""
    lines: list[list[int]] = [[]]
    used = 0
    for place, width in enumerate(widths):
        if lines[-1] and used + GAP + width > room:
            lines.append([])
            used = INDENT
        used += width + (GAP if lines[-1] else 0)
        lines[-1].append(place)
    return lines
