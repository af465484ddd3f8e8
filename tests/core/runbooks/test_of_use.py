"""What a shipped runbook finds leads to something, and what it then does its rows really offer.

The rows are those of the sources: a fix whose things offer its action never is no fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import psutil
import pytest

from mrcore import catalogue
from mrcore.model import base, postgres, queue, stack, upstream
from mrcore.model import ref as refs
from mrcore.runbooks import book, library, record
from mrcore.sources import restarting, supervised
from mrcore.sources import stack as stack_source
from mrcore.sources.deploy import colours
from mrcore.sources.huey import offers
from mrcore.sources.pg import rows as pg_rows
from mrcore.sources.redis import info
from mrcore.sources.slots import money
from mrcore.sources.upstreams import counted, manager
from mrcore.sources.upstreams import rows as upstream_rows
from tests.core import test_source_pg_rows as pg
from tests.core.expr import recorded
from tests.core.runbooks import steps, test_steps

FIXES = sorted(name for name, step in test_steps.ALL.items() if step.kind == "fix")
SECRET = "mr-mentor-backend/production"


def process(name: str, status: str = psutil.STATUS_RUNNING) -> stack.Process:
    """A process of a stack that is ready, as its supervisor says; what the system says of it."""
    row = supervised.Row(name=name, state="ready", pid=7)
    return stack.Process(
        ref=refs.make("stack", "process", name),
        name=name,
        state=row.state,
        verdict=stack_source.judge(row, "", stack_source.Seen(status), pg.NOW),
        actions=() if restarting.why_not(row, "") else (restarting.ACTION,),
    )


def stale(name: str) -> Iterator[base.Entity]:
    """A process that runs with an older secret, and that secret."""
    row = {"process": name, "secret": SECRET, "version": "1", "read_at": pg.NOW}
    found = counted.Counted({}, {}, {}, [row])
    current = {SECRET: manager.Current("2", pg.NOW)}
    yield from (process(name), *upstream_rows.secrets("upstreams", found, current))


def sessions(state: str, since_s: float) -> Sequence[postgres.Session]:
    """One that holds a lock for which another waits."""
    waiter = pg.backend(2, "active", 40, waitstart=pg.ago(31), blocked_by="1")
    return pg_rows.sessions("pg", pg.look(pg.backend(1, state, since_s), waiter))[0]


def away() -> base.Entity:
    """A colour without traffic."""
    blue = colours.Colours("deploy", {}, None, lambda: pg.NOW)
    well = colours.Health(base.OK)
    return blue.entity("blue", "green", well, None, switches=True)


def order() -> upstream.Order:
    """An order that nobody was told of."""
    row = money.Row(
        order_id="order_1",
        amount_paise=1,
        created_at=pg.NOW,
        state="created",
        granted=False,
        invoiced=False,
    )
    return money.Money("slots", None)._order(row)  # type: ignore[arg-type]  # it asks nobody


def node(code: str) -> tuple[base.ActionId, ...]:
    """What a Redis offers that takes no write."""
    bad = base.Verdict(level=base.Level.BAD, code=code, why="it takes no write")
    return info.node("redis/node/main", {}, None, False, bad).actions


HANGS = (process("worker", psutil.STATUS_STOPPED),)
BACKENDS = (process("backend-blue"), process("worker"))
FAILED = offers.of_job(queue.JobState.FAILED, kept=True)
RUNS = offers.of_schedule(template=True, removed=False, differs=False)
REMOVED = offers.of_schedule(template=True, removed=True, differs=False)

THINGS: dict[str, Sequence[base.Entity]] = {
    # what there is when a fix is chosen that says on which of its kind it acts
    "A.process": HANGS,
    "B.restart": tuple(stale("worker")),
    "C.restart": BACKENDS,
    "D.reconcile": (order(),),
    "F.terminate": sessions("idle in transaction", 400),
    "F.cancel": sessions("active", 400),
    "F.free": sessions("idle", 60),
    "F.pool": BACKENDS,
    "G.restart": tuple(stale("backend-green")),
    "H.rollback": (away(),),
    "H.restart": HANGS,
    "J.start": (process("valkey", psutil.STATUS_STOPPED),),
}

OFFERED: dict[str, tuple[base.ActionId, ...]] = {
    # what the subject, or the rows of it, offer when a fix is chosen that acts on them
    "A.resume": offers.of_queue(journalled=True, paused=True),
    "A.quarantine": FAILED,
    "A.again": FAILED,
    "B.retry": FAILED,
    "E.register": REMOVED,
    "E.run": RUNS,
    "I.register": REMOVED,
    "I.compute": RUNS,
    "J.unpause": node("paused"),
    "J.kill_script": node("busy"),
}


@pytest.mark.parametrize("name", FIXES)
def test_what_a_fix_acts_on_offers_it_then(name: str) -> None:
    step = test_steps.ALL[name]
    if step.targets.where is None:
        assert step.action in OFFERED[name]
        return
    view = recorded.View(THINGS[name], now=pg.NOW)
    kind = catalogue.ACTIONS[step.action].kind
    told = {"params.payment_id": ""}
    so = [
        each
        for each in view.entities(kind)
        if step.targets.where.ask(view, each, told).value is True
    ]
    assert so, f"no {kind} is so: {step.targets.where.text}"
    assert all(step.action in each.actions for each in so)


ELSEWHERE = {
    # who is unwell fires alerts of its own, which lead to F and H
    "C.health.unhealthy", "D.health.unhealthy",
    # the plan of the rollback says it again, and asks for more because of it
    "H.preflight.schema", "H.preflight.jobs",
    # passes by itself once the file is read
    "J.write.loading",
    # whoever does not stay up is brought back by hand, which is any but one that has `stopped`
    "J.process.ends",
}  # fmt: skip
"""Findings that no step or route of their runbook names."""


def led_on(runbook: book.Runbook, at: int) -> Iterator[str]:
    """What selects each step, and each route, behind one step."""
    for step in runbook.steps[at + 1 :]:
        for asked in (step.when, *(route.when for route in step.routes)):
            if asked is not None:
                yield " ".join(asked.text.split())


@pytest.mark.parametrize("runbook", test_steps.KNOWN.values(), ids=lambda each: each.id)
def test_every_finding_leads_to_something(runbook: book.Runbook) -> None:
    lost = set()
    for at, step in enumerate(runbook.steps):
        codes = {verdict.code for verdict in step.verdicts if verdict.code}
        said = "; ".join(led_on(runbook, at))
        if re.search(rf'\b{step.id} != "ok"', said):
            continue
        for among in re.findall(rf'\b{step.id} (?:== ("\w+")|in \(([^)]*)\))', said):
            codes -= set(re.findall(r'"(\w+)"', "".join(among)))
        lost |= {f"{runbook.id}.{step.id}.{code}" for code in codes}
    assert lost == {each for each in ELSEWHERE if each.startswith(f"{runbook.id}.")}


@pytest.mark.parametrize(
    ("name", "found", "chosen"),
    [
        ("A.start", {"consumers": "ghosts"}, True),
        ("A.start", {"heartbeats": "silent"}, True),
        ("A.start", {"consumers": "no_workers", "processes": "hangs"}, False),
        ("A.start", {"consumers": "no_workers", "processes": "process_down"}, False),
        ("A.more", {"consumers": "slow", "failures": "poison"}, False),
        ("A.more", {"consumers": "slow", "processes": "process_down"}, False),
        ("B.both", {"rotate": "done"}, True),
        ("B.restart", {"both": "done"}, True),
        ("B.both", {"secret": "stale_secret"}, False),
        ("D.heard", {"webhook": "unheard", "settled": "nothing"}, False),
        ("F.pool", {"health": "slow"}, True),
        ("F.pool", {"health": "slow", "connections": "saturated"}, False),
        ("F.pool", {"health": "pool", "locks": "lock_chain"}, False),
        ("F.pool", {"health": "pool", "idle": "idle_in_tx"}, False),
        ("J.room", {"write": "oom"}, True),
        ("J.room", {"memory": "evicts"}, True),
        ("J.room", {"memory": "policy"}, False),
        ("J.policy", {"memory": "evicts"}, True),
        ("J.policy", {"memory": "memory"}, False),
    ],
)
def test_what_only_some_findings_need_is_left_out_for_others(
    name: str, found: steps.Values, chosen: bool
) -> None:
    when = test_steps.ALL[name].when
    assert when is not None
    assert bool(test_steps.holds(when, test_steps.of(name, found))) is chosen


def run_of(runbook: str, *alerts: base.Ref, **taken: record.StepNow) -> str:
    """What a run says in which nothing was done, behind its last step."""
    known = library.load(None)[runbook]
    made = record.Record(
        runbook=runbook,
        title=known.title,
        text=known.text,
        where=known.where,
        subject="",
        began_by="",
        login="",
        alerts=alerts,
        steps=taken,
        began_at=pg.NOW,
    )
    return record.untouched(known, made)


def test_a_run_in_which_nothing_was_done_says_what_it_waits_for() -> None:
    gone = "waits until its symptom is gone"
    nothing = f"No step of it is for what was found, so a person has to look. It {gone}."
    passed = record.StepNow(began_at=pg.NOW)
    assert run_of("A") == nothing
    assert run_of("A", "core/alert/a/b") == nothing.replace("gone", "gone and its alert, too")
    assert run_of("A", consumers=passed) == nothing, "it only looked"
    assert run_of("A", way=record.StepNow(found="resume")) == nothing
    assert run_of("A", resume=passed) == f"Nothing was done: it {gone}."
    led = record.StepNow(found="J", began_at=pg.NOW)
    assert run_of("A", way=led) == f"It goes on in runbook J, and {gone}."
