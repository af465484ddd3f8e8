"""Runs of runbooks at the instant of the other facts: one under way, one that has ended."""

from __future__ import annotations

from mrcore.model import alert, run
from tests.tui import facts


def runs() -> list[run.Run]:
    """B, which waits for a person, and J, which has recovered."""
    return [
        run.Run(
            ref="core/run/41",
            verdict=facts.warn("waiting", "waits for a person"),
            actions=("run.handover", "run.abort"),
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
            waits="rotate",
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
            why="SMTP answers 535",
            text="Make a new app password, and put it into both secrets.",
            when='failures == "credentials"',
            until="smtp.auth == 235",
            began_at=facts.ago(122),
        ),
        run.Step(
            id="restart",
            kind="fix",
            title="restart blue, then green",
            state=pending,
            when='rotate == "done"',
            why="waits for 3",
        ),
        run.Step(
            id="ghosts",
            kind="fix",
            title="recover ghosts",
            state=run.StepState.NOT_SELECTED,
        ),
    )


def ready(found: alert.Alert) -> run.Run:
    """A run for an alert, whose diagnosis has ended and whose fix waits for a person."""
    step = run.Step(
        id="restart",
        kind="fix",
        title="restart its process",
        state=run.StepState.RUNNING,
        action="process.restart",
        until="queue.workers > 0",
        began_at=facts.ago(20),
    )
    return run.Run(
        ref="core/run/43",
        verdict=facts.warn("waiting", "restart its process waits for a person"),
        actions=("run.next", "run.handover", "run.abort"),
        id=43,
        runbook="A",
        title="a queue is backed up",
        state=run.RunState.WAITING,
        login="",
        alert=found.ref,
        alerts=(found.ref,),
        subject=found.subject,
        diagnosis="Its process: process failed.",
        codes=("process_down",),
        recovers="nothing waits longer than 2 min",
        waits=step.id,
        steps=(step,),
        began_at=facts.ago(30),
        diagnosed_at=facts.ago(20),
    )


def books() -> list[run.Runbook]:
    """Two runbooks that can be started."""
    return [
        run.Runbook(
            ref=f"core/runbook/{letter}",
            actions=("runbook.start",),
            id=letter,
            title=title,
            symptom="queue.failed > 0",
            recovers=recovers,
            severity="SEV2",
            owner="platform",
            about="queue",
            steps=steps,
        )
        for letter, title, recovers, steps in (
            ("A", "a queue is backed up", "nothing waits longer than 2 min", 10),
            ("B", "e-mails are not sending", "SMTP lets us in, and no e-mail fails any more", 9),
        )
    ]
