"""Meetings that are held on a backend now: what its restart would end, as its health says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping

import httpx
from pydantic import JsonValue

from mrcore import authorities
from mrcore.model import base, plans
from mrcore.sources import base as sources
from mrcore.sources import connections

ANSWER_S = 1.0
_MOST_BYTES = 64 * 1024


def of(body: Mapping[str, JsonValue]) -> tuple[int, int]:
    """Rooms and people in the body of a health check; none where it does not say."""
    said = body.get("meetings")
    found = said if isinstance(said, dict) else {}
    rooms, peers = (found.get(name) for name in ("rooms", "peers"))
    if not isinstance(rooms, int) or not isinstance(peers, int):
        return 0, 0
    return max(0, rooms), max(0, peers)


async def at_ports(pid: int) -> tuple[int, int]:
    """Rooms and people of the backend that is this process; none where it does not say in 1 s."""
    ports = await asyncio.to_thread(connections.ports_of, pid)
    known = authorities.known()
    async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False, verify=known) as client:
        for port in sorted(ports):
            with contextlib.suppress(httpx.HTTPError, ValueError, RecursionError, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    answer = await client.get(f"http://127.0.0.1:{port}/api/health")
                body = sources.parse_json(answer.content[:_MOST_BYTES])
                if isinstance(body, dict):
                    return of(body)
    return 0, 0


def remarks(rooms: int, peers: int, says: str) -> Iterator[plans.Remark]:
    """What to know of so many meetings, nothing of none; `says` has {n} for how many."""
    if rooms:
        counted = f"{rooms:,} live meeting" + ("s" if rooms > 1 else "")
        people = f"{peers:,} " + ("people" if peers > 1 else "person")
        text = says.replace("{n}", f"{counted} ({people})")
        yield plans.Remark(text=text, level=base.Level.WARN)
