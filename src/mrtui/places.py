"""Where things are: state folders, config files, contexts. Light: the CLI starts with it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from mrcore import errors

APP = "mr"
CONTEXTS = "contexts.toml"
SECRET = re.compile(r"[^:/]+://[^/?#]*@")
"""A URL with userinfo (RFC 3986, 3.2.1)."""
FIX = "Name a file with the token: token_file, or --token-file."
ENTRIES = frozenset(("url", "state", "token_file", "token_env", "ca"))
"""What a context may say."""


class Place(NamedTuple):
    """Where a core is: a state folder with its socket, or a URL; `context` is what it is called.

    The bearer token comes from a file, or from a variable of the environment; `ca` is a PEM file
    of whom to trust over https.
    """

    state: Path | None = None
    url: str = ""
    token_file: Path | None = None
    token_env: str = ""
    ca: Path | None = None
    context: str = ""

    @property
    def token(self) -> str:
        """The bearer token; empty where none is named.

        Raises SettingsError when it cannot be read, or others can read its file.
        """
        if self.token_file is not None:
            return _secret(self.token_file.expanduser())
        if self.token_env and not os.environ.get(self.token_env):
            raise errors.SettingsError(
                f"The context {self.context!r} takes its token from {self.token_env}, "
                "which is not set.",
                fix=f"Set {self.token_env}, or name a token_file.",
            )
        return os.environ.get(self.token_env, "").strip() if self.token_env else ""

    @property
    def name(self) -> str:
        """How it is called before the core has said its environment."""
        return self.context or self.url or (self.state.name if self.state else "")

    @property
    def address(self) -> str:
        """Where its core is asked, as a person would write it."""
        return self.url or str(self.state or "")


class Context(NamedTuple):
    """An entry of the contexts file; `wrong` says why it names no place."""

    name: str
    place: Place = Place()
    wrong: str = ""


def _secret(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise errors.SettingsError(
                f"The token file {path} can be read by others (mode {mode:04o}).",
                fix=f"chmod 600 {path}",
            )
        return path.read_text().strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise errors.SettingsError(f"The token file {path} cannot be read: {why}.") from error


def state_folder(name: str = "local") -> Path:
    """The state folder of this name; `MR_STATE` replaces the one of the plain `mrtui`."""
    if name == "local" and (chosen := os.environ.get("MR_STATE")):
        return Path(chosen)
    return platformdirs.user_state_path(APP) / name


def config_file(name: str) -> Path:
    """A file of the person's configuration: contexts.toml, keys.toml, settings.toml."""
    return platformdirs.user_config_path(APP) / name


def program() -> str:
    """How this program is called: `mrtui` where the shell finds it, else as it was called now."""
    if shutil.which("mrtui"):
        return "mrtui"
    return f"{sys.executable} -m mrtui" if sys.argv[0].endswith("__main__.py") else sys.argv[0]


def crash_folder() -> Path:
    """Where reports of crashes are left."""
    return platformdirs.user_state_path(APP) / "crashes"


def find(target: str, state: Path | None, token_file: Path | None) -> Place:
    """The place that a person named: a URL, a context, or the core of a state folder.

    Raises SettingsError when the context does not exist.
    """
    if not target:
        return Place(state=(state or state_folder()).expanduser().absolute(), token_file=token_file)
    if "://" in target:
        if SECRET.match(target):
            raise errors.SettingsError("The URL has a secret in it, which would be shown.", fix=FIX)
        return Place(url=target, token_file=token_file)
    known = contexts()
    found = next((each for each in known if each.name == target), None)
    if found is None:
        names = ", ".join(sorted(each.name for each in known)) or "none"
        raise errors.SettingsError(
            f"There is no context {target!r} in {config_file(CONTEXTS)} (known: {names}).",
            fix="A URL needs its scheme, for example http://127.0.0.1:8700.",
        )
    if found.wrong:
        raise errors.SettingsError(found.wrong)
    return found.place._replace(token_file=token_file or found.place.token_file)


def contexts() -> list[Context]:
    """Every entry of the contexts file, in its order; none without a file.

    Raises SettingsError when the file cannot be read; what is wrong with one entry is said there.
    """
    path = config_file(CONTEXTS)
    try:
        table = tomllib.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise errors.SettingsError(f"The contexts in {path} cannot be read: {error}.") from error
    return [_context(name, entry, path) for name, entry in table.items()]


def _context(name: str, entry: object, path: Path) -> Context:
    said = f"{path}: context {name!r}"
    if not isinstance(entry, dict):
        return Context(name, wrong=f"{said} is no table; write [{name}] and below it url = …")
    if unknown := set(entry) - ENTRIES:
        listed = ", ".join(sorted(ENTRIES))
        return Context(name, wrong=f"{said} has {', '.join(sorted(unknown))}; it takes {listed}.")
    if wrong := sorted(key for key, value in entry.items() if not isinstance(value, str)):
        return Context(name, wrong=f"{said}: {', '.join(wrong)} has to be text in quotes.")
    if SECRET.match(entry.get("url", "")):
        return Context(name, wrong=f"{said} has a secret in its url, which would be shown. {FIX}")
    if bool(entry.get("url")) == bool(entry.get("state")):
        return Context(name, wrong=f"{said} needs either url or state.")

    def path_of(key: str) -> Path | None:
        return Path(entry[key]).expanduser() if entry.get(key) else None

    place = Place(
        state=path_of("state"),
        url=entry.get("url", ""),
        token_file=path_of("token_file"),
        token_env=entry.get("token_env", ""),
        ca=path_of("ca"),
        context=name,
    )
    return Context(name, place)


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON file of a state folder; empty where it is absent or half-written."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def locked(path: Path) -> bool:
    """Whether a living process holds a lock file of a state folder."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def core_runs(state: Path) -> bool:
    """Whether a core runs for a state folder; what core.json says may be of one that was killed."""
    return locked(state / "core.lock")


def stack_runs(state: Path) -> bool:
    """Whether a stack is supervised in a state folder."""
    return locked(state / "stack.lock")


def nobody_in(state: Path) -> bool:
    """Whether it is sure that no core runs for a folder, and none is starting there.

    It is not where its lock is another user's: that one's core may let us in all the same.
    """
    if core_runs(state) or stack_runs(state):
        return False
    lock = state / "core.lock"
    if os.path.lexists(lock):
        return os.access(lock, os.R_OK | os.W_OK)
    return not read_json(state / "core.json") and _readable(state)


def _readable(state: Path) -> bool:
    """Whether we can see that something is not in a folder, or not even the folder is there."""
    nearest = next(path for path in (state, *state.parents) if os.path.lexists(path))
    return os.access(nearest, os.X_OK)


def running() -> list[Path]:
    """The usual state folders of this user in which a core runs now, by name."""
    try:
        found = sorted(platformdirs.user_state_path(APP).iterdir())
    except OSError:
        return []
    return [state for state in found if core_runs(state)]


def make(state: Path) -> Path:
    """The state folder and its logs, made if need be (0700).

    Raises StackError when that is not possible.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise errors.StackError(
            f"The state folder {state} cannot be made: {error.strerror}.",
            fix="Name another one with --state DIR.",
        ) from error
    return state
