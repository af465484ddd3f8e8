"""Whether a stack is calm: nothing moves that would be taken for what a fault leads to. Pure."""

from __future__ import annotations

from collections.abc import Collection

from mrcore.gameday import scenario, watch
from mrcore.model import alert, core, queue, stack

_MOVES = ("starting", "stopping", "backoff")
"""States in which a process does not stay."""


def disturbs(what: scenario.Scenario, seen: watch.Watcher) -> tuple[str, ...]:
    """What is still to be waited for before a scenario begins: none of it when all is calm.

    Every source is watched; what was killed before runs again, and its worker is swept away or
    told of; the rate of every queue that the game day may break is known; no alert is about to
    fire, and what is expected does not fire yet. Other troubles may stand.
    """
    alerts = seen.alerts()
    sources = [e for e in seen.entities("source") if isinstance(e, core.SourceStatus)]
    away = [each.name for each in sources if each.state != "watching"]
    processes = [e for e in seen.entities("process") if isinstance(e, stack.Process)]
    moving = [f"{each.name} is {each.state}" for each in processes if each.state in _MOVES]
    told = {each.subject for each in alerts if stands(each)}
    pids = {each.pid for each in processes}
    workers = (e for e in seen.entities("worker") if isinstance(e, queue.Worker))
    gone = {each.ref for each in workers if _is_gone(each, pids)} - told
    expected = {one.rule for one in what.alerts}
    firing = {
        each.rule
        for each in alerts
        if _waits(each) or (each.rule in expected and each.phase is alert.Phase.FIRING)
    }
    nobody = [] if len(sources) > 1 else ["the core tells of no sources"]
    return (*nobody, *away, *moving, *sorted(gone), *_unmeasured(seen), *sorted(firing))


def _unmeasured(seen: watch.Watcher) -> list[str]:
    """Queues of a young stack: a diagnosis that asks for their rate would find it unknown."""
    queues = [e for e in seen.entities("queue") if isinstance(e, queue.Queue)]
    rateless = (q for q in queues if seen.latest("queue.fail_rate", q.ref) is None)
    return [f"{each.name} has no rate yet" for each in rateless if each.engine == "huey"]


def _is_gone(worker: queue.Worker, pids: Collection[int | None]) -> bool:
    """One whose process is none any more is dead before its heartbeat says so."""
    return worker.verdict.code == "dead" or (worker.supervised and worker.pid not in pids)


def stands(each: alert.Alert) -> bool:
    """Whether it fires already; one that has resolved and fires again is of this game day."""
    return each.phase not in (alert.Phase.INACTIVE, alert.Phase.RESOLVED)


def _waits(each: alert.Alert) -> bool:
    """Whether it is about to fire, or to end, and would wake somebody."""
    wakes = each.severity in (alert.Severity.P1, alert.Severity.P2)
    return wakes and each.phase in (alert.Phase.PENDING, alert.Phase.RECOVERING)
