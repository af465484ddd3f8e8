"""`mrtui do --list`: every action with what it acts on, its risk and how it is undone."""

from __future__ import annotations

from mrcore import catalogue


def lines() -> list[str]:
    """The catalogue as a table of text."""
    rows = [("ACTION", "ON", "RISK", "ROLE", "UNDO", "DOES")]
    rows += [
        (a.id, a.kind, a.risk.value, a.role, "yes" if a.undoable else "no", a.label)
        for a in catalogue.ACTIONS.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
