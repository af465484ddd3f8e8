"""Runs of runbooks at the instant of the other facts: one under way, one that has ended."""

from __future__ import annotations

from mrcore.model import run
from tests.tui import facts


def runs() -> list[run.Run]:
    """B, which waits for a person, and J, which has recovered."""
    return [
        run.Run(
            ref="core/run/41",
            verdict=facts.warn("waiting", "waits for a person"),
            actions=("run.next", "run.handover", "run.abort"),
            id=41,
            runbook="B",
            title="e-mails are not sending",
            state=run.RunState.WAITING,
            login="root",
            alert="core/alert/smtp_535/smtp",
            subject="huey/queue/emailQueue",
            diagnosis="Mail refuses the password (535); 31 jobs failed of it; the worker lives.",
            codes=("credentials",),
            recovers="no new 535 for 5m, and the oldest waits less than 1m",
            steps=_steps(),
            began_at=facts.ago(130),
            diagnosed_at=facts.ago(122),
        ),
        run.Run(
            ref="core/run/40",
            id=40,
            runbook="J",
            title="Redis is down or wedged",
            state=run.RunState.RECOVERED,
            login="anna",
            subject="redis/node/main",
            diagnosis="Redis holds every write back (CLIENT PAUSE).",
            codes=("paused",),
            began_at=facts.ago(7_300),
            diagnosed_at=facts.ago(7_298),
            ended_at=facts.ago(7_205),
        ),
    ]


def _steps() -> tuple[run.Step, ...]:
    passed, pending = run.StepState.PASSED, run.StepState.PENDING
    return (
        run.Step(
            id="failures",
            kind="diagnose",
            title="failures by fingerprint",
            state=passed,
            found="credentials",
            why="31 × 535",
            began_at=facts.ago(130),
            ended_at=facts.ago(129),
        ),
        run.Step(
            id="worker",
            kind="diagnose",
            title="worker alive",
            state=passed,
            found="ok",
            why="1 worker, 0 busy",
            began_at=facts.ago(129),
            ended_at=facts.ago(129),
        ),
        run.Step(
            id="rotate",
            kind="manual",
            title="rotate the app password",
            state=run.StepState.RUNNING,
            why="by hand; done when SMTP answers 235: still 535",
            began_at=facts.ago(122),
        ),
        run.Step(
            id="restart",
            kind="fix",
            title="restart blue, then green",
            state=pending,
            why="waits for 3",
        ),
        run.Step(
            id="ghosts",
            kind="fix",
            title="recover ghosts",
            state=run.StepState.NOT_SELECTED,
        ),
    )
