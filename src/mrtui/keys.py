"""ONE table of keys and commands: footer, `?`, palette, `:` and the keymap file read it.

A keymap file (`keys.toml`) gives keys to ids:
```toml
[keys]
"list.filter" = "f3"
"go.home" = ["1", "f1"]
```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mrcore import errors

EVERYWHERE = "everywhere"
LISTS = "lists"


class Key(NamedTuple):
    """A key or command: what it does, where, and how it is called.

    `does` is a verb of the screen with its argument (`go queues`, `act queue.retry`); `scope` is
    EVERYWHERE, LISTS or a screen's name; `needs` is an action that the row must offer; `shown`
    orders the footer (0: not in it); `command` is its word after `:`, `takes` its argument.
    """

    id: str
    keys: tuple[str, ...]
    does: str
    label: str
    scope: str = EVERYWHERE
    shown: int = 0
    needs: str = ""
    command: str = ""
    takes: str = ""


TABLE: tuple[Key, ...] = (
    Key("go.home", ("1",), "go home", "home", command="home"),
    Key("go.queues", ("2",), "go queues", "queues", command="queues"),
    Key("go.postgres", ("3",), "go postgres", "postgres", command="postgres"),
    Key("go.redis", ("4",), "go redis", "redis", command="redis"),
    Key("go.logs", ("5",), "go logs", "logs", command="logs", takes="[STREAM]"),
    Key("go.schedules", (), "go schedules", "schedules", command="schedules"),
    Key("go.workers", (), "go workers", "workers", command="workers"),
    Key("go.stack", (), "go stack", "the stack's processes", command="stack"),
    Key("go.sources", (), "go sources", "how each source is", command="sources"),
    Key("go.audit", (), "go audit", "who did what", command="audit"),
    Key("go.operations", (), "go operations", "operations", command="operations"),
    Key("go.troubles", (), "go troubles", "everything that is not well", command="troubles"),
    Key("row.open", ("enter",), "open", "open", LISTS, shown=1),
    Key("log.next", ("n",), "hit 1", "next hit", "logs"),
    Key("log.previous", ("N",), "hit -1", "previous hit", "logs"),
    Key("log.wrap", ("w",), "wrap", "wrap long lines", "logs"),
    Key("row.retry", ("r",), "act queue.retry", "retry", shown=2, needs="queue.retry"),
    Key("job.older", ("left",), "older", "older attempt", "job", shown=3),
    Key("job.newer", ("right",), "newer", "newer attempt", "job", shown=3),
    Key("job.frames", ("t",), "frames", "full trace", "job", shown=4),
    Key("tab.next", ("tab",), "tab 1", "next", shown=6),
    Key("tab.previous", ("shift+tab",), "tab -1", "previous"),
    Key("logs.level", ("v",), "level", "level", "logs", shown=3),
    Key("logs.follow", ("f",), "follow", "follow", "logs", shown=4),
    Key("redis.prefix", ("f",), "prefix", "prefix", "redis", shown=3),
    Key("list.filter", ("slash",), "filter", "filter", LISTS, shown=5),
    Key("logs.filter", ("slash",), "filter", "filter", "logs", shown=2),
    Key("list.sort", ("s",), "sort", "sort", LISTS, shown=7),
    Key("list.mark", ("space",), "mark", "mark", LISTS, shown=9),
    Key("list.freeze", ("p",), "freeze", "freeze", LISTS, shown=8),
    Key("logs.freeze", ("p",), "freeze", "freeze", "logs", shown=5),
    Key("row.logs", ("l",), "logs", "its logs", shown=8),
    Key("row.copy", ("y",), "copy", "copy ref", shown=10),
    Key("app.open", (), "visit", "open a ref", command="open", takes="mr://…"),
    Key("app.theme", (), "theme", "change the theme", command="theme", takes="NAME"),
    Key("app.command", ("colon",), "command", "command", shown=11),
    Key("app.palette", ("ctrl+p",), "palette", "palette"),
    Key("app.help", ("question_mark",), "help", "keys", shown=12, command="help"),
    Key("app.back", ("escape",), "back", "back"),
    Key("app.last", ("minus",), "last", "the view before"),
    Key("app.redraw", ("ctrl+l",), "redraw", "redraw"),
    Key("app.quit", ("q", "ctrl+c"), "quit", "leave", command="q"),
)

_NAMES = {"/": "slash", ":": "colon", "?": "question_mark", "-": "minus", " ": "space"}
_SYMBOLS = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "minus": "-",
    "enter": "⏎",
    "escape": "esc",
    "tab": "⇥",
    "shift+tab": "⇤",
    "left": "←",
    "right": "→",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def symbol(key: str) -> str:
    """How a key is written on screen: `slash` is `/`, `ctrl+p` is `^p`."""
    return _SYMBOLS.get(key, key.replace("ctrl+", "^"))


def _meet(one: str, other: str) -> bool:
    """Whether two scopes can be active at once; `logs` and `job` show no list."""
    if one == other or EVERYWHERE in (one, other):
        return True
    return LISTS in (one, other) and not {"logs", "job"} & {one, other}


class Keymap:
    """The table with a person's own keys in it."""

    def __init__(self, table: Sequence[Key] = TABLE) -> None:
        self.table = tuple(table)

    def find(
        self, key: str, scopes: Iterable[str], actions: Iterable[str], without: Iterable[str] = ()
    ) -> Key | None:
        """What a key does here: `scopes` are active, `actions` are what the row offers."""
        for entry in self.active(scopes, actions, without):
            if key in entry.keys:
                return entry
        return None

    def active(
        self, scopes: Iterable[str], actions: Iterable[str], without: Iterable[str] = ()
    ) -> list[Key]:
        """Every entry that works here, in the table's order; `without` are ids that do not."""
        here, offered, hidden = {EVERYWHERE, *scopes}, set(actions), set(without)
        return [
            entry
            for entry in self.table
            if entry.scope in here
            and entry.id not in hidden
            and (not entry.needs or entry.needs in offered)
        ]

    def footer(
        self, scopes: Iterable[str], actions: Iterable[str], without: Iterable[str] = ()
    ) -> list[tuple[str, str]]:
        """(key, label) in the footer's order."""
        entries = [e for e in self.active(scopes, actions, without) if e.shown and e.keys]
        return [(symbol(e.keys[0]), e.label) for e in sorted(entries, key=lambda e: e.shown)]

    def command(self, word: str) -> Key | None:
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


def load(text: str, path: str) -> Keymap:
    """Read a keymap file.

    Raises SettingsError that names the file, the ids and their lines when an id is unknown, a
    value is no key, or two ids that work at the same place have the same key.
    """
    try:
        wanted = tomllib.loads(text).get("keys", {})
    except tomllib.TOMLDecodeError as error:
        raise errors.SettingsError(f"The keymap {path} does not parse: {error}.") from error
    known = {entry.id for entry in TABLE}
    table = list(TABLE)
    for name, value in wanted.items():
        if name not in known:
            raise errors.SettingsError(
                f"{path}{_line(text, name)}: there is no key with the id {name!r}.",
                fix="`:help` and the README list the ids.",
            )
        table = [
            entry._replace(keys=_keys(value, name, text, path)) if entry.id == name else entry
            for entry in table
        ]
    keymap = Keymap(table)
    _refuse_clashes(keymap, text, path)
    return keymap


def clashes(table: Sequence[Key]) -> list[tuple[Key, Key, str]]:
    """Pairs of entries that want the same key at the same place."""
    found = []
    for place, one in enumerate(table):
        for other in table[place + 1 :]:
            for key in set(one.keys) & set(other.keys):
                if _meet(one.scope, other.scope):
                    found.append((one, other, key))
    return found


def _refuse_clashes(keymap: Keymap, text: str, path: str) -> None:
    for one, other, key in clashes(keymap.table):
        first, second = _where(text, one.id), _where(text, other.id)
        raise errors.SettingsError(
            f"{path}: the key {symbol(key)!r} would be both {one.id!r} ({first}) "
            f"and {other.id!r} ({second})."
        )


def _keys(value: object, name: str, text: str, path: str) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    given = [key for key in many if isinstance(key, str) and key]
    if len(given) != len(many):
        raise errors.SettingsError(
            f"{path}{_line(text, name)}: {name!r} needs a key or a list of keys."
        )
    return tuple(_NAMES.get(key, key) for key in given)


def _line(text: str, name: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"""\s*["']?{re.escape(name)}["']?\s*=""", line):
            return f":{number}"
    return ""


def _where(text: str, name: str) -> str:
    line = _line(text, name)
    return f"line {line[1:]}" if line else "the default"
