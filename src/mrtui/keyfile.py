"""A person's own keys: a keymap file (`keys.toml`) gives keys to ids of the table.

```toml
[keys]
"list.filter" = "f3"
"go.home" = ["1", "f1"]
```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence

from mrcore import errors
from mrtui import bindings, keys

_MODIFIERS = re.compile(r"(?:(?:ctrl|shift|alt)\+)*")


def load(text: str, path: str) -> bindings.Keymap:
    """Read a keymap file.

    Raises SettingsError that names the file, the ids and their lines when an id is unknown, a
    value is no key, or two ids that work at the same place have the same key.
    """
    try:
        wanted = tomllib.loads(text).get("keys", {})
    except tomllib.TOMLDecodeError as error:
        raise errors.SettingsError(f"The keymap {path} does not parse: {error}.") from error
    known = {entry.id for entry in keys.TABLE}
    table = list(keys.TABLE)
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
    keymap = bindings.Keymap(table)
    _refuse_clashes(keymap, text, path)
    return keymap


def clashes(table: Sequence[keys.Key]) -> list[tuple[keys.Key, keys.Key, str]]:
    """Pairs of entries that want the same key at the same place."""
    found = []
    for place, one in enumerate(table):
        for other in table[place + 1 :]:
            for key in set(one.keys) & set(other.keys):
                if _meet(one, other):
                    found.append((one, other, key))
    return found


def _refuse_clashes(keymap: bindings.Keymap, text: str, path: str) -> None:
    for one, other, key in clashes(keymap.table):
        first, second = _where(text, one.id), _where(text, other.id)
        raise errors.SettingsError(
            f"{path}: the key {keys.symbol(key)!r} would be both {one.id!r} ({first}) "
            f"and {other.id!r} ({second})."
        )


def _keys(value: object, name: str, text: str, path: str) -> tuple[str, ...]:
    many = value if isinstance(value, list) else [value]
    given = [key for key in many if isinstance(key, str) and key]
    if len(given) != len(many):
        raise errors.SettingsError(
            f"{path}{_line(text, name)}: {name!r} needs a key or a list of keys."
        )
    made = tuple(_named(key) for key in given)
    for key, said in zip(given, made, strict=True):
        if not said:
            raise errors.SettingsError(
                f"{path}{_line(text, name)}: {name!r} has {key!r}, which no terminal sends.",
                fix="Write r, R, /, f3, pageup, ctrl+k, alt+x or shift+left.",
            )
    return made


def _named(key: str) -> str:
    """What Textual calls a key; empty when there is none of that name."""
    from textual import keys as textual  # costs start-up only where somebody has a keymap

    prefix = _MODIFIERS.match(key)[0]  # type: ignore[index]  # it matches nothing, too
    base = key.removeprefix(prefix)
    if prefix == "shift+" and len(base) == 1 and base.isalpha():
        return base.upper()
    if len(base) == 1 and base.isprintable():
        return prefix + keys.NAMES.get(base, textual._character_to_key(base))
    known = {each.value.rpartition("+")[2] for each in textual.Keys if each.value[0] != "<"}
    known |= {textual._character_to_key(chr(code)) for code in range(33, 127)}
    return key if base in known else ""


def _line(text: str, name: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"""\s*["']?{re.escape(name)}["']?\s*=""", line):
            return f":{number}"
    return ""


def _where(text: str, name: str) -> str:
    line = _line(text, name)
    return f"line {line[1:]}" if line else "the default"


def _meet(one: keys.Key, other: keys.Key) -> bool:
    """Whether two entries can work at once.

    `logs`, `job`, `detail` and `run` show no list. Entries whose actions are on different kinds
    never share a row; only the jobs of a queue are shown with their queue.
    """
    kinds = {one.kind, other.kind}
    if one.needs and other.needs and len(kinds) == 2 and kinds != {"job", "queue"}:
        return False
    scopes = {one.scope, other.scope}
    if len(scopes) == 1 or keys.EVERYWHERE in scopes:
        return True
    return keys.LISTS in scopes and not {"logs", "job", "detail", "run"} & scopes
