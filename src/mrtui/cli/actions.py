"""`mrtui do --list`: every action with what it acts on, its risk and how it is undone."""

from __future__ import annotations

from mrcore import catalogue


def lines() -> list[str]:
    """The catalogue as a table of text; an action's arguments stand below it."""
    rows = [("ACTION", "ON", "RISK", "ROLE", "UNDO", "DOES")]
    rows += [
        (a.id, a.kind, a.risk.value, a.role, "yes" if a.undoable else "no", a.label)
        for a in catalogue.ACTIONS.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    made = [table[0]]
    for action, line in zip(catalogue.ACTIONS.values(), table[1:], strict=True):
        made.append(line)
        made += [f"    --arg {name}=…  {means}" for name, means in action.args.items()]
    return made
