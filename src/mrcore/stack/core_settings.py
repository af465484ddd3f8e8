"""Settings of a stack's core: all that its user set, with what only the stack can say."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python

from mrcore import errors, folder, sources
from mrcore.alerts import notify
from mrcore.settings import Settings
from mrcore.stack import (
    addresses,
    admin_token,
    credentials,
    mentor_names,
    outside,
    switching,
)

OWNED = frozenset({"stack"})
"""What the stack honours itself; its core does not need the superuser's login that is in there."""

_ORIGIN = "http://localhost:3000"
"""A page that every backend of Mr. Mentor lets in."""


def of(
    own: Settings,
    state: folder.StateFolder,
    words: credentials.Credentials,
    places: addresses.Addresses,
    now: datetime,
) -> dict[str, Any]:
    """The core's settings as JSON, secrets as values; sources of the user's win by their name.

    In them is a token that is valid for 30 days from now.
    """
    asked = _plain(own.model_dump(exclude=set(OWNED)))
    channels = asked["alerts"]["channels"]
    for tables, read in ((asked["sources"], sources.read), (channels, notify.read)):
        for name, table in tables.items():
            with contextlib.suppress(errors.SettingsError):  # which the core says
                tables[name] = _whole(table, read(name, table))
    return {
        **asked,
        "listen": own.listen or f"127.0.0.1:{places.control_port}",
        "audit_anchor": str(anchor(own, state)),
        "sources": {**_sources(state, words, places, now), **asked["sources"]},
    }


def anchor(own: Settings, state: folder.StateFolder) -> Path:
    """Where the core keeps its audit's anchor.

    Without a word of the user in the folder itself: whoever removes that wants the audit gone, too.
    """
    return (own.audit_anchor or state / "audit-anchor.json").absolute()


def socket(own: Settings, state: folder.StateFolder) -> Path:
    """The unix socket on which the core answers."""
    return (own.socket or state.runtime / "core.sock").absolute()


def _plain(value: Any) -> Any:
    """A value as JSON has it, secrets in the clear.

    A path is told whole: the core runs in another folder than the user who wrote it.
    """
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return to_jsonable_python(value)


def _whole(told: Any, read: Any) -> Any:
    """A part of a table with the paths that its kind has `read` in it told whole, too."""
    if isinstance(read, Path):
        return str(read.absolute())
    if isinstance(read, BaseModel):
        read = dict(read)
    if isinstance(told, dict) and isinstance(read, dict):
        return {name: _whole(each, read.get(name)) for name, each in told.items()}
    return told


def _sources(
    state: folder.StateFolder,
    words: credentials.Credentials,
    places: addresses.Addresses,
    now: datetime,
) -> dict[str, dict[str, Any]]:
    """What there is to watch in every stack, by name."""
    watcher = places.postgres.other(addresses.WATCHER_ROLE, words.watcher, addresses.DATABASE)
    return {
        "pg": {"kind": "pg", "dsn": watcher},
        "redis": {"kind": "redis", "url": places.redis.url},
        "huey": {"kind": "huey", "url": places.redis.url},
        "rq": {"kind": "rq", "url": places.redis.url},
        "logs": {"kind": "logs", "folder": str(state / "logs")},
        "backend": switching.backend(state, places.backends, places.switch),
        "slots": admin_token.source(places.switch, words.jwt, now),
        "meetings": _meetings(state, words, places),
        "deploy": switching.source(state, places.backends),
        "upstreams": outside.source(places, words, watcher),
        "stack": {"kind": "stack", "state": str(state.path)},
        "host": {"kind": "host", "paths": _paths(state, places)},
    }


def _paths(state: folder.StateFolder, places: addresses.Addresses) -> dict[str, str]:
    """The folders of this stack whose disks must not fill up, by what writes there."""
    own = {"postgres": places.postgres.own, "valkey": places.redis.own}
    names = ("logs", *(name for name, ours in own.items() if ours))
    return {"state": str(state.path), **{n: str(state / n) for n in names}}


def _meetings(
    state: folder.StateFolder, words: credentials.Credentials, places: addresses.Addresses
) -> dict[str, Any]:
    """Settings of the source `meetings`: what browsers of this stack use."""
    told = mentor_names.of(places, words)
    turn = {"user": told["TURN_USERNAME"], "password": told["TURN_PASSWORD"]}
    logs = state / "logs"
    return {
        "kind": "meetings",
        "url": places.switch,
        "origins": [_ORIGIN, mentor_names.PAGES],
        "logs": {c: str(logs / f"backend-{c}.log") for c in places.backends},
        "turn": {
            "stun": {"url": told["TURN_URL"].replace("turn:", "stun:", 1)},
            "turn": {"url": told["TURN_URL"], **turn},
        },
    }
