"""What `mrcore doctor` says of a source: each thing that it may see or do, or what is missing."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """`sentence` is a fact; `fix` the one line to run where it is not `ok`, '' if none helps."""

    what: str
    ok: bool
    sentence: str
    fix: str = ""
