"""What deleting keys would touch: targets with guards, what is left out and why, what it causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.sources.redis import facts, own, rights

Asked = tuple[base.Ref, bytes | None]
"""A ref and the name of its key; None where it is no key's."""


class Deleting:
    """One plan: keys come in portions, remarks at the end."""

    def __init__(self, may: rights.Rights, journals: tuple[bytes, ...]) -> None:
        self._may = may
        self._journals = journals
        self._tally = Tally()

    def sift(
        self, asked: Sequence[Asked], found: Mapping[bytes, facts.Facts]
    ) -> Iterator[source_base.Planned]:
        """Targets and left-outs of a portion."""
        for each, name in asked:
            key = None if name is None else found.get(name)
            if name is None or key is None:
                yield plans.LeftOut(why=facts.GONE, count=1, samples=(each,))
            elif why := self._refusal(name, key):
                yield plans.LeftOut(why=why, count=1, samples=(each,))
            else:
                self._tally.add(name, key)
                yield self._target(each, key)

    def remarks(self) -> Iterator[plans.Remark]:
        """What all of it causes."""
        return self._tally.remarks(trash=self._may.trash)

    def _refusal(self, name: bytes, key: facts.Facts) -> str:
        if why := own.refusal(name, self._journals):
            return why
        if key.row.verdict.level is base.Level.UNKNOWN:
            return key.row.verdict.why
        if key.row.size is None:
            return f"nothing tells whether a value of type {key.row.type} has changed"
        if not self._may.trash and not (self._may.dump and key.digest):
            return self._may.missing
        return ""

    def _target(self, each: base.Ref, key: facts.Facts) -> plans.Target:
        row = key.row
        way = "trash" if self._may.trash else "dump"
        return plans.Target(
            ref=each,
            label=row.name,
            guard={**key.guard(), "way": way, "expires_ms": _epoch_ms(row.expires_at)},
            note=f"{row.type}, {'expires' if row.expires_at else 'no TTL'}",
        )


class Tally:
    """Sums over what would be deleted."""

    def __init__(self) -> None:
        self._types: Counter[str] = Counter()
        self._bytes = self._lasting = self._queues = self._undigested = 0

    def add(self, name: bytes, key: facts.Facts) -> None:
        """Count one key."""
        self._types[key.row.type] += 1
        self._bytes += key.row.memory_bytes or 0
        self._lasting += key.row.expires_at is None
        self._queues += own.is_queue(name)
        self._undigested += not key.digest

    def remarks(self, *, trash: bool) -> Iterator[plans.Remark]:
        """Sizes and types; then what to know before."""
        total = self._types.total()
        if not total:
            return
        types = ", ".join(f"{count:,} {kind}" for kind, count in self._types.most_common())
        freed = ", freed when the trash is emptied in 24 h" if trash else ""
        keys = f"{total:,} key{'' if total == 1 else 's'}"
        yield plans.Remark(text=f"{keys}, {size(self._bytes)}{freed}: {types}")
        if self._undigested:
            yield plans.Remark(
                text=f"{self._undigested:,} over 64 KiB: a change that leaves type and length "
                "as they are is not noticed"
            )
        if self._lasting:
            text = f"{self._lasting:,} without TTL: nothing says that they are made again"
            yield plans.Remark(text=text, level=base.Level.WARN)
        if self._queues:
            text = f"{self._queues:,} a queue's own: jobs would be lost"
            yield plans.Remark(text=text, level=base.Level.WARN)


def key_of(source: str, each: base.Ref) -> bytes | None:
    """The key's name in a ref of this source; None where it is another's or no key's."""
    try:
        address = ref.parse(each)
    except ValueError:
        return None
    is_key = address[:2] == (source, "key") and len(address.ids) == 1
    return address.ids[0] if is_key else None


def _epoch_ms(at: datetime | None) -> int | None:
    """When it expires: not a fact that must hold, only what is known if the core ends meanwhile."""
    return None if at is None else round(at.timestamp() * 1000)


def size(number: int) -> str:
    """`1.2 MB`, in powers of 1,000."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if number >= 10**power:
            return f"{number / 10**power:.1f} {unit}"
    return f"{number} B"
