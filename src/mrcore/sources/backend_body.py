"""What the body of a health check says, whatever it is."""

from __future__ import annotations

from pydantic import JsonValue

Facts = dict[str, JsonValue]


def facts(said: Facts) -> Facts:
    """Names and truths; what differs at every answer (latencies) is left out."""
    found: Facts = {}
    for name in ("environment", "release", "version", "health", "degraded"):
        if name in said:
            found[name] = said[name]
    for name in ("database", "redis"):
        part = said.get(name)
        if isinstance(part, dict):
            found[name] = {k: v for k, v in part.items() if isinstance(v, bool | str)}
        elif part is not None:
            found[name] = part
    return found


def acquire_ms(body: JsonValue) -> float | None:
    """How long its pool let it wait for a connection, where it says that."""
    told = table(table(body).get("database")).get("acquire_ms")
    known = isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < 1e9
    return float(told) if known and isinstance(told, int | float) else None


def down(said: Facts) -> list[str]:
    """Which dependencies the body says are not usable; `connected` and not `ok` is wedged."""
    words = []
    for name in ("database", "redis"):
        part = said.get(name)
        if part is False or (isinstance(part, dict) and part.get("connected") is False):
            words.append(f"{name} is down")
        elif isinstance(part, dict) and part.get("ok") is False:
            words.append(f"{name} is connected and does not answer")
    return words


def table(value: JsonValue) -> Facts:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: JsonValue) -> list[JsonValue]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []
