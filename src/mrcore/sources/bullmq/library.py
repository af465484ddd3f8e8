"""The scripts of the official Python package `bullmq`: their text, guarded by ours around it.

The package's own Queue opens connections of its own and asks Redis once a job; its Lua is what is
official about it, and what must fit the layout. It is read from the installed package, made a
function, and called by a script of ours that looks at the version and the job first: guard and act
are one step on the server. Neither `bullmq` nor what it imports is loaded for this.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.resources
import importlib.util
import re
from pathlib import Path

from mrcore import errors

VERSIONS = (3, 4)
"""Major and minor version of the package whose scripts' arguments are known here."""

_INSTALL = "pip install 'mr-control-room[bullmq]'"
_NAME = re.compile(r"([A-Za-z]+)-(\d+)\.lua")
OFFICIAL = {
    "reprocessJob": 9, "removeJob": 2, "promote": 9, "changeDelay": 4, "changePriority": 7,
    "pause": 7, "updateData": 1, "removeJobScheduler": 3, "addJobScheduler": 11,
    "addStandardJob": 9, "addPrioritizedJob": 9, "addDelayedJob": 6,
}  # fmt: skip
"""The package's scripts that are called here, and how many keys each takes."""


@functools.cache
def missing() -> str:
    """Why nothing can be written, '' where all is there; asked once a process."""
    if importlib.util.find_spec("bullmq") is None or importlib.util.find_spec("msgpack") is None:
        return f"actions: need the Python package bullmq: {_INSTALL}"
    version = importlib.metadata.version("bullmq")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) != VERSIONS:
        wanted = ".".join(map(str, VERSIONS))
        return f"actions: need the Python package bullmq {wanted}, {version} is there: {_INSTALL}"
    there = {m[1]: int(m[2]) for name in _files() if (m := _NAME.fullmatch(name))}
    wrong = [name for name, keys in OFFICIAL.items() if there.get(name) != keys]
    if wrong:
        return f"actions: the Python package bullmq has no script {wrong[0]}: {_INSTALL}"
    return ""


def _files() -> list[str]:
    return [
        file.name for file in importlib.resources.files("bullmq").joinpath("commands").iterdir()
    ]


def official(name: str) -> str:
    """A script of the package as a Lua function of KEYS and ARGV, called by its name."""
    file = importlib.resources.files("bullmq").joinpath(f"commands/{name}-{OFFICIAL[name]}.lua")
    return f"local function {name}(KEYS, ARGV)\n{file.read_text()}\nend\n"


@functools.cache
def text(script: str) -> str:
    """A script of ours with everything that it calls: `-- uses a b` names them.

    Raises Unsupported where the package is not there.
    """
    if why := missing():
        raise errors.Unsupported(f"{why.capitalize()}.")
    ours = (Path(__file__).parent / "lua" / f"{script}.lua").read_text()
    common = (Path(__file__).parent / "lua" / "common.lua").read_text()
    used = re.findall(r"^-- uses (.*)$", common + ours, re.MULTILINE)
    names = dict.fromkeys(name for line in used for name in line.split())
    return "".join((*(official(name) for name in names), common, ours))


@functools.cache
def sha(script: str) -> str:
    """The name under which Redis knows it."""
    return hashlib.sha1(text(script).encode(), usedforsecurity=False).hexdigest()
