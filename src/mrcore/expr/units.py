"""What numbers are measured in: times and bytes, to a power; a percentage is a plain number."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """The powers of a second and of a byte: a rate is `Unit(time=-1)`."""

    time: int = 0
    size: int = 0

    def times(self, other: Unit) -> Unit:
        """The unit of a product."""
        return Unit(self.time + other.time, self.size + other.size)

    def over(self, other: Unit) -> Unit:
        """The unit of a quotient."""
        return Unit(self.time - other.time, self.size - other.size)

    @property
    def said(self) -> str:
        """In words, for a sentence: `a time`."""
        words = _WORDS.get(self)
        return words or f"in s^{self.time}·B^{self.size}"


PLAIN = Unit()
TIME = Unit(time=1)
SIZE = Unit(size=1)
RATE = Unit(time=-1)

_WORDS = {
    PLAIN: "a plain number",
    TIME: "a time",
    SIZE: "an amount of bytes",
    RATE: "a rate",
    Unit(time=-1, size=1): "bytes a second",
}

SUFFIXES: dict[str, tuple[Unit, float]] = {
    "ms": (TIME, 0.001),
    "s": (TIME, 1.0),
    "m": (TIME, 60.0),
    "h": (TIME, 3_600.0),
    "d": (TIME, 86_400.0),
    "B": (SIZE, 1.0),
    "KiB": (SIZE, 2.0**10),
    "MiB": (SIZE, 2.0**20),
    "GiB": (SIZE, 2.0**30),
    "%": (PLAIN, 0.01),
}
"""What may stand behind a number, and how much of the base unit it is."""

DECLARED: dict[str, tuple[Unit, float]] = {
    "": (PLAIN, 1.0),
    "ms": (TIME, 0.001),
    "s": (TIME, 1.0),
    "bytes": (SIZE, 1.0),
    "%": (PLAIN, 0.01),
    "1/s": (RATE, 1.0),
}
"""The units of the catalogue."""

_LARGER = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def shown(value: float, unit: Unit, declared: str = "") -> str:
    """A value as a person reads it: `3 min`, `85 %`, `1.5 GiB`, `12`."""
    if declared == "%":
        return f"{_short(value * 100)} %"
    if unit == TIME:
        return _time(value)
    if unit == SIZE:
        for name in ("GiB", "MiB", "KiB"):
            if abs(value) >= SUFFIXES[name][1]:
                return f"{_short(value / SUFFIXES[name][1])} {name}"
        return f"{_short(value)} B"
    if unit == RATE:
        return f"{_short(value)}/s" if abs(value) >= 1 else f"{_short(value * 60)}/min"
    return _short(value)


def _time(value_s: float) -> str:
    for size_s, name in _LARGER:
        if abs(value_s) >= 2 * size_s:
            return f"{value_s / size_s:.0f} {name}"
    return f"{value_s:.0f} s" if abs(value_s) >= 2 else f"{value_s * 1000:.0f} ms"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
