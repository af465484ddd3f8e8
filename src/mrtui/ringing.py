"""What the terminal is told of alerts: each firing once, when the core tells of it. Pure, light."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrcore.model import alert, base

MODES = ("all", "bell", "notify", "title", "none")
REMEMBERED_MAX = 5_000

_OPEN = ("firing", "recovering")


class Rings:
    """Which firings were rung for; what is there when one begins to look is known already."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, object], None] | None = None

    def new(self, entities: Iterable[base.Entity]) -> list[alert.Alert]:
        """Alerts that have begun to be told since the last call, the worst first."""
        told = {(each.ref, each.fired_at): each for each in _told(entities)}
        if self._known is None:
            self._known = dict.fromkeys(told)
            return []
        fresh = [each for key, each in told.items() if key not in self._known]
        self._known |= dict.fromkeys(told)
        while len(self._known) > REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        return sorted(fresh, key=lambda each: each.severity.value)


def words(fresh: list[alert.Alert], environment: str) -> tuple[str, str]:
    """A title and a sentence."""
    first, others = fresh[0], len(fresh) - 1
    more = f", and {others} more" if others else ""
    return f"mr {environment} {first.severity.value} {first.rule}{more}", first.summary


def title(entities: Iterable[base.Entity], environment: str) -> str:
    """What stands in the terminal's title while something fires that nobody is at."""
    open_ = [each for each in _told(entities) if not each.acked_by]
    if not open_:
        return ""
    worst = min(open_, key=lambda each: each.severity.value)
    plural = "alert" if len(open_) == 1 else "alerts"
    return f"mr {environment} {len(open_)} {plural}: {worst.severity.value} {worst.rule}"


def _told(entities: Iterable[base.Entity]) -> Iterator[alert.Alert]:
    """What fires and is told of: nothing that is hidden or only for the record."""
    from mrcore.model import alert  # behind the first frame

    for each in entities:
        if not isinstance(each, alert.Alert) or each.severity is alert.Severity.INFO:
            continue
        if each.phase.value in _OPEN and each.told_at is not None and not each.hidden:
            yield each
