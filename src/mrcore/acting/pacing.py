"""How fast an operation goes: as the watched system bears it. Pure.

A chunk begins small and grows until it takes about 250 ms. When a target takes over twice the
best time seen, the watched system has slowed down: the chunk is halved and rested after. A chunk
that took no longer than it may never counts as slow: a busy host makes quick ones differ by more.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = 100
MOST = 500
ONE_BY_ONE = frozenset({"process.restart", "worker.restart"})
"""What takes long for each: several in one chunk would not fit into its time."""
AIM_S = 0.25
SLOW = 2.0
REST_MAX_S = 5.0


def first(action: str) -> int:
    """The size of the first chunk of an action."""
    return 1 if action in ONE_BY_ONE else FIRST


@dataclass(frozen=True)
class Pace:
    """The size of the next chunk, the rest before it, and why there is one.

    `best_s` and `now_s` are times a target; `slow` is whether the newest was too long.
    """

    size: int = FIRST
    rest_s: float = 0.0
    best_s: float | None = None
    now_s: float = 0.0
    slow: bool = False

    def after(self, targets: int, done: int, took_s: float) -> Pace:
        """The pace after a chunk: `done` of its `targets` in `took_s`.

        A chunk of which most was skipped is quick, and no measure of what doing takes.
        """
        now_s = took_s / targets
        best_s = self.best_s
        if 2 * done >= targets:
            best_s = now_s if best_s is None else min(best_s, now_s)
        if took_s > AIM_S and best_s is not None and now_s > SLOW * best_s:
            rest_s = min(took_s, REST_MAX_S)
            return Pace(max(1, self.size // 2), rest_s, best_s, now_s, slow=True)
        fits = targets * AIM_S / took_s if took_s > 0 else MOST
        size = max(1, int(min(MOST, 2 * self.size, fits)))
        return Pace(size, 0.0, best_s, now_s)

    @property
    def why(self) -> str:
        """What to say of a slow watched system, empty of one that is not."""
        if not self.slow or self.best_s is None:
            return ""
        return (
            f"Slowed down: a target takes {self.now_s * 1000:,.1f} ms,"
            f" at best it was {self.best_s * 1000:,.1f} ms."
        )
