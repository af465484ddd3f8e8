"""The table of keys with a person's own in it: what a key, a command and the footer are here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from mrtui import keys


def _label(entry: keys.Key, offered: set[str]) -> str:
    parts = entry.label.split(" / ")
    if len(parts) != len(entry.needs):
        return entry.label
    return next(part for part, need in zip(parts, entry.needs, strict=True) if need in offered)


class Keymap:
    """The table with a person's own keys in it."""

    def __init__(self, table: Sequence[keys.Key] = keys.TABLE) -> None:
        self.table = tuple(table)

    def find(
        self, key: str, scopes: Iterable[str], actions: Iterable[str], without: Iterable[str] = ()
    ) -> keys.Key | None:
        """What a key does here: `scopes` are active, `actions` are what the row offers."""
        for entry in self.active(scopes, actions, without):
            if key in entry.keys:
                return entry
        return None

    def active(
        self, scopes: Iterable[str], actions: Iterable[str], without: Iterable[str] = ()
    ) -> list[keys.Key]:
        """Every entry that works here, in the table's order; `without` are ids that do not.

        Of a label for several actions (`pause / resume`) only the offered one's part is left.
        """
        here, offered, hidden = {keys.EVERYWHERE, *scopes}, set(actions), set(without)
        return [
            entry._replace(label=_label(entry, offered))
            for entry in self.table
            if entry.scope in here
            and entry.id not in hidden
            and (not entry.needs or offered & set(entry.needs))
        ]

    def footer(
        self,
        scopes: Iterable[str],
        actions: Iterable[str],
        without: Iterable[str] = (),
        called: Mapping[str, str] = MappingProxyType({}),
    ) -> list[tuple[str, str]]:
        """(key, label) in the footer's order; `called` are other labels, by id."""
        entries = [e for e in self.active(scopes, actions, without) if e.shown and e.keys]
        entries.sort(key=lambda e: e.shown)
        return [(keys.symbol(e.keys[0]), called.get(e.id, e.label)) for e in entries]

    def written(self, name: str) -> str:
        """How the key of an id is written on screen; empty where it has none."""
        found = next((entry for entry in self.table if entry.id == name and entry.keys), None)
        return keys.symbol(found.keys[0]) if found is not None else ""

    def command(self, word: str) -> keys.Key | None:
        """The entry of a `:` command; a beginning is enough when only one has it."""
        named = [entry for entry in self.table if entry.command]
        for entry in named:
            if entry.command == word:
                return entry
        begun = [entry for entry in named if word and entry.command.startswith(word)]
        return begun[0] if len(begun) == 1 else None

    def read(self, line: str) -> str:
        """What a `:` line does, as a verb with its argument; empty when there is no such word."""
        word, _, argument = line.strip().removeprefix(":").partition(" ")
        found = self.command(word)
        return f"{found.does} {argument.strip()}".strip() if found else ""

    def words(self) -> list[str]:
        """The words of all commands."""
        return [entry.command for entry in self.table if entry.command]
