"""A table whose last column is a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoscaler.cli.render import words

ROOMY = 110
"""Columns from which the sentence has room beside the others; else it stands below its row."""


class Listing:
    """Drawn for the width that it is given."""

    def __init__(self, *columns: str) -> None:
        """A column is named as in `words.table`; the last one is the sentence."""
        self._columns = columns
        self._rows: list[tuple[Text, ...]] = []

    def add_row(self, *cells: str | Text) -> None:
        """A cell for each column."""
        self._rows.append(tuple(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or where it is narrow a table for each row, with columns of equal width."""
        if options.max_width < ROOMY:
            yield from self._narrow()
            return
        drawn = words.table(*self._columns)
        for row in self._rows:
            drawn.add_row(*row)
        yield drawn

    def _narrow(self) -> Iterator[RenderableType]:
        for number, (*cells, sentence) in enumerate(self._rows):
            drawn = self._row_alone()
            drawn.show_header = number == 0
            drawn.add_row(*cells)
            yield drawn
            yield Padding(sentence, (0, 0, 0, 2))

    def _row_alone(self) -> Table:
        drawn = words.table(*self._columns[:-1])
        for place, column in enumerate(drawn.columns):
            longest = max(row[place].cell_len for row in self._rows)
            column.width = max(longest, Text(str(column.header)).cell_len)
        return drawn
