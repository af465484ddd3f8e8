"""What `mrcore doctor` says of a source: each thing that it may see or do, or what is missing."""

from __future__ import annotations

from typing import NamedTuple

from mrcore import errors


class Finding(NamedTuple):
    """`sentence` is a fact; `fix` the one line to run where it is not `ok`, '' if none helps.

    What is not `known` is not `ok`: only trying, or more time, would tell.
    """

    what: str
    ok: bool
    sentence: str
    fix: str = ""
    known: bool = True


def of(what: str, error: errors.MrError) -> Finding:
    """An error as what is missing; of a fix like "Needs this: LINE" only the line is to be run."""
    sentence, fix, known = error.sentence, error.fix, not isinstance(error, errors.Unsupported)
    if fix.startswith("Needs"):
        need, _, fix = fix.partition(": ")
        sentence = f"{sentence} {need}:"
    return Finding(what, False, sentence, fix, known)
