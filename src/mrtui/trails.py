"""What is searched in the audit trails, as a ref. No screen."""

from __future__ import annotations

from mrcore.model import base, ref

KIND = "trails"


def address(text: str) -> base.Ref:
    """The ref of a search: what only the screen knows; empty for everything."""
    return ref.make("slots", KIND, text) if text else ""


def read(of: base.Ref) -> str:
    """Text of a search's ref."""
    return ref.parse(of).id if of else ""
