"""A canary: a plan's first targets, watched before the rest follows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mrcore import catalogue, errors
from mrcore.model import plans

COUNT = 10
COUNT_MAX = 500
WATCH_S = 60.0
WATCH_MAX_S = 3_600.0


@dataclass(frozen=True)
class Canary:
    """So many targets first; they are watched for at most `watch_s`."""

    count: int
    watch_s: float

    @property
    def words(self) -> str:
        """What a plan says of it."""
        first = "one is" if self.count == 1 else f"{self.count:,} are"
        return (
            f"the first {first} watched for up to {self.watch_s:g} s; the rest follows if at least "
            "half end by then and most of those go well"
        )


def of(action: catalogue.Action, args: plans.Args) -> Canary | None:
    """The canary that is asked for, None without one or where the action has none.

    Raises BadRequest that names the argument.
    """
    if "canary" not in action.args:
        return None
    count, watch_s = args.get("canary", False), args.get("watch_s")
    if isinstance(count, bool):
        count = COUNT if count else 0
    elif not isinstance(count, int) or not 1 <= count <= COUNT_MAX:
        raise errors.BadRequest(f"canary is true or a number from 1 to {COUNT_MAX}, not {count!r}.")
    if watch_s is None:
        watch_s = WATCH_S
    elif not count:
        raise errors.BadRequest("watch_s is how long a canary is watched: give canary too.")
    known = isinstance(watch_s, int | float) and not isinstance(watch_s, bool)
    if not known or not 1 <= watch_s <= WATCH_MAX_S:  # type: ignore[operator]  # known above
        raise errors.BadRequest(f"watch_s is 1 to {WATCH_MAX_S:,.0f} seconds, not {watch_s!r}.")
    return Canary(count, float(watch_s)) if count else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class Watched:
    """How a canary fares: `tried` targets, of which some have ended; `left` are untouched."""

    fared: Sequence[plans.Fared]
    left: int

    @property
    def tried(self) -> int:
        return len(self.fared)

    def verdict(self, *, over: bool, watch_s: float) -> str | None:
        """'' when the rest may follow, else why not; None while that is not known yet.

        At least half must have ended, and more than half of those have gone well. What nobody ran,
        or what is gone before anybody saw how it went, tells nothing.
        """
        failed = [one for one in self.fared if one.state == "failed"]
        ended = len(failed) + sum(one.state == "well" for one in self.fared)
        gone = sum(one.state == "gone" for one in self.fared)
        over = over or ended + gone == self.tried
        if failed and 2 * len(failed) >= (ended if over else self.tried - gone):
            return f"{_how(failed, ended)}: stopped; {self.left:,} not touched."
        if not over:
            return None
        if not ended or 2 * ended < self.tried:
            few = self._few(ended, gone, f"ended within {watch_s:g} s")
            return f"{few}: stopped; {self.left:,} not touched."
        return ""

    def _few(self, ended: int, gone: int, how: str) -> str:
        unknown = f", and of {gone:,} that {'is' if gone == 1 else 'are'} gone nobody knows"
        if gone == self.tried:
            how, unknown = "been seen to end", ": gone, and nobody knows how that went"
        elif not gone:
            unknown = ""
        if self.tried == 1:
            return f"The first has not {how}{unknown}"
        if not ended:
            return f"None of the first {self.tried} has {how}{unknown}"
        have = "has" if ended == 1 else "have"
        return f"Only {ended} of the first {self.tried} {have} {how}{unknown}"

    def words(self, left_s: float) -> str:
        """What to say meanwhile."""
        counts = Counter(one.state for one in self.fared)
        gone = f"{counts['gone']} gone, " if counts["gone"] else ""
        return (
            f"Watches the first {self.tried}: {counts['well']} went well, {counts['failed']} "
            f"failed, {gone}{counts['pending']} not ended; {left_s:.0f} s left."
        )


def _how(failed: Sequence[plans.Fared], ended: int) -> str:
    """How many failed, and in which way if that is the same for most of them."""
    prints = Counter(one.fingerprint or one.why for one in failed)
    (commonest, count), *_ = prints.most_common(1)
    why = next(one.why for one in failed if commonest in (one.fingerprint, one.why))
    if commonest and 2 * count > ended:
        same = "failed the same way" if ended > 1 else "failed"
        return f"{count} of {ended} {same}{f' ({why})' if why else ''}"
    ways = f", in {len(prints)} ways" if len(prints) > 1 else f" ({why})" if why else ""
    return f"{len(failed)} of {ended} failed{ways}"
