"""A queue of each engine with a million jobs that wait and a tenth of that failed.

One of each is made as the engine makes it, and a script of Redis copies it: Python would take
minutes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import huey
import redis

from mrcore import journal
from mrcore.journal import record
from tests.bench import table
from tests.contract import bull_jobs, rq_desk

WAITING = 1_000_000 if table.FULL else 100_000
FAILED = WAITING // 10
DELAYED = 300
NAME, AT = "million", 1_700_000_000
_CHUNK = 2_000
TRACE = rq_desk.TRACE

_COPY = """
local spec, raw = cjson.decode(ARGV[1]), ARGV[4]
local function named(text, id) return (text:gsub('@', id)) end
local function renamed(bytes, id)
  local from, to = bytes:find(spec.old, 1, true)
  return bytes:sub(1, from - 1) .. id .. bytes:sub(to + 1)
end
local flat, at = redis.call('HGETALL', named(spec.hash, spec.old)), nil
for i = 1, #flat, 2 do if flat[i] == spec.renamed then at = i + 1 end end
local body = at and flat[at]
local stream = spec.stream ~= '' and redis.call('XRANGE', named(spec.stream, spec.old), '-', '+')
for n = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local id = string.format(spec.format, n)
  if at then flat[at] = renamed(body, id) end
  redis.call('HSET', named(spec.hash, id), unpack(flat))
  for _, key in ipairs(spec.lists) do
    redis.call('LPUSH', key, raw ~= '' and renamed(raw, id) or id)
  end
  for _, key in ipairs(spec.zsets) do redis.call('ZADD', key, spec.score + n, id) end
  if stream then redis.call('XADD', named(spec.stream, id), '*', unpack(stream[1][2])) end
end
"""


@dataclass
class Spec:
    """What is copied: keys have `@` for the id; `renamed` is a field that holds it, too."""

    old: str
    format: str
    hash: str
    lists: list[str] = field(default_factory=list)
    zsets: list[str] = field(default_factory=list)
    stream: str = ""
    renamed: str = ""
    score: float = AT


def _copy(conn: Any, spec: Spec, first: int, count: int, raw: bytes = b"") -> None:
    asked = json.dumps(asdict(spec))
    for start in range(first, first + count, _CHUNK):
        last = min(start + _CHUNK, first + count) - 1
        conn.eval(_COPY, 0, asked, start, last, raw)


def _huey(url: str) -> None:
    pool = redis.ConnectionPool.from_url(url)
    made: Any = huey.RedisHuey(NAME, connection_pool=pool)
    book = journal.watch(made, keep_failed=None, keep_completed=None)
    send = made.task(name="send")(lambda to: None)
    keys, conn = book.place.queue, redis.Redis(connection_pool=pool)
    conn.sadd(keys.root.queues, NAME)
    conn.hset(keys.meta, mapping=book.meta())
    one = record.Attempt(1, "worker", AT - 1, AT, "failed", "OSError: 535", f"{TRACE}7\n")
    told = {
        "waiting": {"attempts": 0},
        "failed": {
            "attempts": 1, "finished_at": AT, "error": "ConnectionError: 535-5.7.8 refused 7",
            "attempt:1": one.dump(),
        },
    }  # fmt: skip
    for first, (state, fields) in zip((1, WAITING + 1), told.items(), strict=True):
        task = send.task_class(("user@example.org",), id="job-000000000")
        known = book.pen.described(made._registry.create_message(task))
        message = made.serialize_task(task)
        row: dict[str, Any] = {k: v for k, v in known.items() if v is not None}
        row |= {"state": state, "enqueued_at": AT, **fields}
        row |= {"message": message} if state == "failed" else {}
        conn.hset(keys.job(task.id), mapping=row)
        spec = Spec(task.id, "job-%09d", keys.job("@"), zsets=[keys.state(state)])
        spec.renamed = "message"
        spec.lists = [book.place.waiting] if state == "waiting" else []
        waits = state == "waiting"
        _copy(conn, spec, first, WAITING if waits else FAILED, message if waits else b"")
        conn.delete(keys.job(task.id))
    book.heart.stop()
    pool.disconnect()


def _rq(url: str) -> None:
    with contextlib.closing(rq_desk.Desk(url)) as desk:
        queue = desk.queue(NAME)
        waits, (failed,) = desk.send(NAME), desk.heap(NAME, 1)
        desk.conn.delete(queue.key)
        spec = Spec(waits, "%036d", "rq:job:@", lists=[queue.key])
        _copy(desk.conn, spec, 0, WAITING)
        in_failed = queue.failed_job_registry.key
        spec = Spec(failed, "%036d", "rq:job:@", zsets=[in_failed], stream="rq:results:@")
        spec.score = desk.conn.zscore(in_failed, failed)
        _copy(desk.conn, spec, WAITING, FAILED)


def _bullmq(url: str) -> None:
    with contextlib.closing(redis.Redis.from_url(url)) as conn:
        bull(conn, NAME, "wait", 1, WAITING)
        bull(conn, NAME, "failed", WAITING + 1, FAILED)
        for number in range(DELAYED):
            bull_jobs.Desk(conn).add(NAME, "delayed", id_=f"later-{number}")


def bull(conn: Any, name: str, state: str, first: int, count: int) -> None:
    """So many jobs of BullMQ 6 that wait, or failed."""
    desk, where = bull_jobs.Desk(conn), bull_jobs.Desk(conn).key(name, state)
    conn.hset(desk.key(name, "meta"), mapping={"version": "bullmq:6.7.0"})
    one = desk.add(name, state)
    conn.delete(where)
    ends = {"lists": [where]} if state == "wait" else {"zsets": [where]}
    _copy(conn, Spec(one, "%d", desk.key(name, "@"), score=AT * 1000, **ends), first, count)
    conn.set(desk.key(name, "id"), first + count)


FILL: dict[str, Callable[[str], None]] = {"huey": _huey, "rq": _rq, "bullmq": _bullmq}
