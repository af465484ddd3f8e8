"""The screen of a terminal that understands our grammar and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable

from rich.cells import cell_len

from tests.e2e import grammar


class Screen:
    """What these tokens show: lines of cells. Only what our grammar has is understood."""

    def __init__(self, columns: int, rows: int) -> None:
        self.resize(columns, rows)
        self.titles: list[str] = []
        self.copied: list[str] = []
        self._acts: dict[str, Callable[[str], None]] = {
            "text": self._write,
            "at": self._go,
            "column": self._go_to_column,
            "right": self._go_right,
            "erase": self._erase,
            "region": self._region,
            "newline": self._newline,
            "reverse": self._reverse,
            "title": self.titles.append,
            "clipboard": self._copy,
        }

    def resize(self, columns: int, rows: int) -> None:
        """An empty screen of this size."""
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self._x = self._y = 0
        self._top, self._bottom = 0, rows - 1

    @property
    def lines(self) -> list[str]:
        """The screen as text."""
        return ["".join(row).rstrip() for row in self.cells]

    def play(self, token: grammar.Token) -> None:
        """Take one token in."""
        act = self._acts.get(token.name)
        if act is not None:
            act(token.said)

    def _go(self, said: str) -> None:
        row, column = map(int, said.split(";"))
        self._y, self._x = row - 1, column - 1

    def _go_to_column(self, said: str) -> None:
        self._x = int(said) - 1

    def _go_right(self, said: str) -> None:
        self._x += int(said or 1)

    def _erase(self, _: str) -> None:
        self.cells[self._y][self._x :] = [" "] * (self.columns - self._x)

    def _region(self, said: str) -> None:
        top, bottom = map(int, (said or f"1;{self.rows}").split(";"))
        self._top, self._bottom, self._x, self._y = top - 1, bottom - 1, 0, 0

    def _newline(self, said: str) -> None:
        self._x = 0 if "\r" in said else self._x
        self._line(1, self._bottom)

    def _reverse(self, _: str) -> None:
        self._line(-1, self._top)

    def _copy(self, said: str) -> None:
        self.copied.append(base64.b64decode(said).decode("utf-8"))

    def _line(self, step: int, edge: int) -> None:
        """Down or up a line; at the region's edge the lines move."""
        if self._y != edge:
            self._y += step
            return
        gone, fresh = (self._top, self._bottom) if step > 0 else (self._bottom, self._top)
        del self.cells[gone]
        self.cells.insert(fresh, [" "] * self.columns)

    def _write(self, text: str) -> None:
        row = self.cells[self._y]
        if text.isascii():
            row[self._x : self._x + len(text)] = text
            del row[self.columns :]
            self._x += len(text)
            return
        for char in text:
            width = cell_len(char)
            if self._x + width <= self.columns:
                if width:
                    row[self._x : self._x + width] = [char, *[""] * (width - 1)]
                elif self._x:
                    row[self._x - 1] += char
                self._x += width
