"""The writes of this source: each a Lua script of `lua/`, which acts on many jobs, each by itself.

RQ's own library moves a failed job with a ZREM and then a MULTI: killed between them, the job is in
no list any more. Here guard, claim and enqueue are one step. What a script writes is what
`rq` 2.12 writes (`FailedJobRegistry.requeue`, `Queue.enqueue_job`); a test compares them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

Value = str | bytes | int | float


@cache
def text(name: str) -> str:
    """A script with the shared part in front."""
    folder = Path(__file__).with_name("lua")
    return (folder / "lib.lua").read_text() + (folder / f"{name}.lua").read_text()


@cache
def sha(name: str) -> str:
    """What EVALSHA calls the script."""
    return hashlib.sha1(text(name).encode(), usedforsecurity=False).hexdigest()
