"""Pickles that attack lie in every place where huey keeps some: all is shown, nothing is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from huey.registry import Message

from mrcore import errors, sources
from mrcore.journal import heads, reader
from mrcore.model import plans, queue, ref, wire
from mrcore.sources import base as source_base
from mrcore.sources.redis import decode
from tests.core import journals

NAME = "emailQueue"
OWNER = ref.make("huey", "queue", NAME)
BY = plans.By(login="asha", reason="a test", operation=9)


class Evil:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def message(job_id: str, trap: Path) -> bytes:
    """A message of huey's with such an argument."""
    return pickle.dumps(Message(job_id, "app.send", None, 0, 0, None, (Evil(trap),), {}))


async def acted(source: source_base.Source, action: str, job_id: str) -> list[plans.TargetOutcome]:
    """Plan, apply and undo on one job; what came of the apply."""
    selection = plans.Selection(refs=(ref.make("huey", "job", NAME, job_id),))
    args: plans.Args = {}
    if action == "job.edit":
        args = {"patch": [{"op": "replace", "path": "/args/0", "value": "asha"}]}
    parts = [p async for p in source.plan(action, selection, args, lambda n, total: None)]
    targets = [part for part in parts if isinstance(part, plans.Target)]
    outcomes = list(await source.apply(action, targets, args, BY)) if targets else []
    pairs = zip(targets, outcomes, strict=True)
    done = [plans.Undoable(target=t, memento=o.memento) for t, o in pairs if o.memento]
    if done:
        again = [p async for p in source.plan_undo(action, done)]
        mementos = {one.target.ref: one.memento for one in done}
        fresh = [
            plans.Undoable(target=part, memento=mementos[part.ref])
            for part in again
            if isinstance(part, plans.Target)
        ]
        await source.undo(action, fresh, BY)
    return outcomes


async def test_pickles_that_attack_are_shown_and_moved_as_bytes(
    redis_url: str, tmp_path: Path
) -> None:
    trap = tmp_path / "executed"
    raw = pickle.dumps(Evil(trap))
    with journals.desk(redis_url, NAME) as desk:
        refuse = desk.huey.task(name="refuse")(lambda to: 1 / 0)
        job_id = refuse("ravi").id
        desk.run_all()
        desk.conn.hset(desk.keys.job(job_id), "message", message(job_id, trap))
        desk.conn.hset(f"huey.results.{NAME}", job_id, raw)
        for data in (message("waits", trap), raw):
            desk.conn.lpush(desk.journal.place.waiting, data)
            desk.conn.zadd(desk.journal.place.schedule, {data + b"later": 9e9})
        async with sources.build("huey", {"url": redis_url})[0] as source:
            await source.sample()
            rows: list[queue.Job] = []
            for state in ("waiting", "delayed", "failed"):
                page = await source.page(OWNER, "jobs", plans.Query(state=state), None, 0)
                rows += [row for row in page.rows if isinstance(row, queue.Job)]
            assert {"waits", job_id} <= {row.id for row in rows}
            assert "unreadable" in {row.verdict.code for row in rows}
            for text in ("", "mkdir", "executed"):
                await source.page(OWNER, "found", plans.Query(text=text), None, 0)
            assert (await source.page(OWNER, "groups", plans.Query(), None, 0)).rows
            for data in (raw, raw + b"later"):
                job = ref.make("huey", "job", NAME, heads.nameless(data))
                assert job in {row.ref for row in rows}
                for detail in (await source.detail(job), await source.reveal(job)):
                    (shown,) = [one for one in detail.sections if one.id == "message"]
                    assert decode.hexdump(data) == shown.text
                    assert detail.entity.ref == job
            job = ref.make("huey", "job", NAME, job_id)
            for detail in (await source.detail(job), await source.reveal(job)):
                assert detail.sections
            for action in ("job.edit", "job.duplicate", "job.quarantine", "job.remove"):
                await acted(source, action, job_id)
                assert desk.conn.hget(desk.keys.job(job_id), "message") == message(job_id, trap)
            (outcome,) = await acted(source, "queue.retry", job_id)
            assert outcome.outcome is plans.Outcome.DONE
            await source.sample()
    assert not trap.exists()
    with pytest.raises(FileNotFoundError):  # the pickle is one that works
        trap.rmdir()
    pickle.loads(raw)
    assert trap.is_dir()


def test_what_lies_in_an_argument_is_named_not_made(tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    assert repr(reader.read(message("a", trap)).args) == "[<unknown posix.mkdir>]"
    assert not trap.exists()


def words(section: wire.Section) -> str:
    """What stands beside the hex, sixteen characters a line."""
    return "".join(line[59:] for line in section.text.splitlines())


async def test_a_message_that_cannot_be_read_is_found_wherever_it_lies(redis_url: str) -> None:
    with journals.desk(redis_url, NAME) as desk:
        send = desk.huey.task(name="send")(lambda n: None)
        for n in range(30):
            send(n)
        odd = b"\x00 token=sk_live_4eC39HqLyjWDarjtT1zdp7dc for asha@example.com" + b"\x01" * 9_000
        desk.conn.lpush(desk.journal.place.waiting, odd)
        for n in range(30):
            send(n)
        job = ref.make("huey", "job", NAME, heads.nameless(odd))
        async with sources.build("huey", {"url": redis_url})[0] as source:
            await source.sample()
            for rest in (b"", b"y"):
                detail, told = await source.detail(job), await source.reveal(job)
                (masked,) = [one for one in detail.sections if one.id == "message"]
                (whole,) = [one for one in told.sections if one.id == "message"]
                assert whole.text == decode.hexdump(odd[:4_096])
                assert masked.title == whole.title == "Message, 9,061 bytes, 4,096 of them shown"
                assert "asha@example.com" in words(whole)
                assert "asha@example.com" not in words(masked)
                assert "sk_live_4eC39" not in words(masked)
                send(rest.decode())  # it slides
            desk.run_all()  # and its worker refuses it
            detail = await source.detail(job)
            assert isinstance(detail.entity, queue.Job)
            assert detail.entity.state == "failed"
            assert [one.text for one in detail.sections if one.id == "message"] == [masked.text]
            gone = ref.make("huey", "job", NAME, heads.nameless(b"never there"))
            with pytest.raises(errors.NotFound):
                await source.detail(gone)
