"""Facts of a bad afternoon, at one instant: what the simulated core reports."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from mrcore.model import (
    alert,
    backend,
    base,
    core,
    deploy,
    log,
    postgres,
    queue,
    redis,
    ref,
    stack,
    wire,
)

NOW = datetime(2026, 3, 12, 14, 2, 11, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    """An instant before now."""
    return NOW - timedelta(seconds=seconds)


def bad(code: str, why: str) -> base.Verdict:
    return base.Verdict(level=base.Level.BAD, code=code, why=why)


def warn(code: str, why: str) -> base.Verdict:
    return base.Verdict(level=base.Level.WARN, code=code, why=why)


SOURCES = ("pg", "redis", "huey", "logs", "backend", "stack")

QUIET = [
    "kpiQueue",
    "cleanupQueue",
    "slotQueue",
    "leadQueue",
    "workflowQueue",
    "paymentQueue",
    "invoiceQueue",
    "reminderQueue",
    "meetingQueue",
    "whatsappQueue",
    "callQueue",
    "exportQueue",
    "salesQueue",
    "auditQueue",
    "syncQueue",
    "webhookQueue",
    "notificationQueue",
    "otpQueue",
]


def statuses() -> list[base.Entity]:
    return [
        core.SourceStatus(
            ref=f"core/source/{name}",
            name=name,
            source_kind=name,
            interval_s=1,
            deadline_s=2,
            state="ok",
            since=ago(3600),
            last_sample_at=ago(0.4),
            kinds=("check",) if name == "backend" else (),
            collections=("jobs", "groups", "found", "like") if name == "huey" else (),
        )
        for name in SOURCES
    ]


PRINTS = ("0a5350a5350a", "1b0ec0ec0ec0", "2c7e07e07e07")
"""Fingerprints of what fails."""


def groups() -> list[queue.FailureGroup]:
    """Why jobs of emailQueue failed."""
    rows = (
        ("535-5.7.8 Username and Password not accepted", "535", "mail.send", 31, 372, 4, 5.2),
        ("ECONNRESET smtp.<host>", "", "", 4, 7200, 1860, 0.2),
        ("TypeError: cannot read <prop> of undefined", "", "render", 2, 259_200, 86_400, None),
    )
    return [
        queue.FailureGroup(
            ref=f"huey/group/emailQueue/{known}",
            engine="huey",
            queue="emailQueue",
            fingerprint=known,
            title=title,
            code=code,
            frame=frame,
            jobs=jobs,
            names=("sendOtp", "sendReminder")[: 1 + jobs % 2],
            first_at=ago(first),
            last_at=ago(last),
            per_min=per_min,
            actions=("queue.retry", "job.remove", "job.quarantine"),
            verdict=bad("new", "new since 13:55 UTC") if first < 900 else warn("failing", ""),
        )
        for known, (title, code, frame, jobs, first, last, per_min) in zip(
            PRINTS, rows, strict=True
        )
    ]


def queues() -> list[base.Entity]:
    made: list[base.Entity] = [
        queue.Queue(
            ref="huey/queue/emailQueue",
            engine="huey",
            name="emailQueue",
            counts=queue.Counts(waiting=412, failed=37, delayed=2, completed=1204),
            workers=0,
            oldest_enqueued_at=ago(372),
            verdict=bad("queue.no_worker", "no worker for 6 min"),
        ),
        queue.Queue(
            ref="huey/queue/mrlearnSync",
            engine="huey",
            name="mrlearnSync",
            counts=queue.Counts(waiting=3, active=1, failed=12, completed=88),
            workers=1,
            oldest_enqueued_at=ago(61),
            verdict=warn("queue.failing", "401 ×12"),
        ),
        queue.Queue(
            ref="huey/queue/missOzone",
            engine="huey",
            name="missOzone",
            workers=1,
            verdict=warn("schedule.missed", "missed 2 runs"),
        ),
    ]
    made += [
        queue.Queue(
            ref=f"huey/queue/{name}",
            engine="huey",
            name=name,
            workers=1,
            counts=queue.Counts(completed=17 * place),
        )
        for place, name in enumerate(QUIET)
    ]
    return made


def workers() -> list[base.Entity]:
    return [
        queue.Worker(
            ref="huey/worker/w1",
            engine="huey",
            name="w1",
            queues=("mrlearnSync", *QUIET),
            host="mentor-1",
            pid=3120,
            started_at=ago(7200),
            last_seen_at=ago(2),
            busy_with=("huey/job/mrlearnSync/77",),
        )
    ]


def schedules() -> list[base.Entity]:
    return [
        queue.Schedule(
            ref="huey/schedule/kpi",
            engine="huey",
            name="kpi",
            queue="kpiQueue",
            job="recompute_kpi",
            declared="every 15 min",
            interval_s=900,
            next_at=ago(-230),
            last_enqueued_at=ago(670),
            last_succeeded_at=ago(669),
        ),
        queue.Schedule(
            ref="huey/schedule/missOzone",
            engine="huey",
            name="missOzone",
            queue="missOzone",
            job="reconcile",
            declared="59 23 * * * Asia/Kolkata",
            next_at=ago(-15769),
            last_enqueued_at=ago(3 * 86400),
            missed=2,
            verdict=bad("schedule.missed", "missed 2 runs"),
        ),
    ]


def sessions() -> list[base.Entity]:
    def session(pid: int, **facts: object) -> postgres.Session:
        return postgres.Session.model_validate(
            {
                "ref": f"pg/session/{pid}/17",
                "pid": pid,
                "user": "mentor_app",
                "database": "mentor",
                "client": "127.0.0.1",
                **facts,
            }
        )

    holder = session(
        4711,
        app="mentor-blue",
        state="idle in transaction",
        state_since=ago(312),
        xact_start=ago(313),
        query="UPDATE slots SET taken = true WHERE id = $1",
        blocks=(4802, 4803, 4810),
        verdict=warn("pg.idle_in_tx", "idle in transaction for 5 min, blocks 3"),
    )
    waiting = [
        session(
            pid,
            app="mentor-green",
            state="active",
            state_since=ago(since),
            xact_start=ago(since),
            wait="Lock:transactionid",
            query="UPDATE slots SET taken = true WHERE id = $1",
            blocked_by=(4711,),
        )
        for pid, since in ((4802, 290), (4803, 200), (4810, 44))
    ]
    running = session(
        4820,
        app="worker",
        state="active",
        state_since=ago(0.3),
        query="SELECT count(*) FROM leads\n  WHERE owner IS NULL",
    )
    idle = [
        session(4900 + n, app="mentor-blue", state="idle", state_since=ago(n)) for n in range(9)
    ]
    return [holder, *waiting, running, *idle]


def servers() -> list[base.Entity]:
    return [
        postgres.PostgresServer(
            ref="pg/postgres/main",
            version="18.1",
            database="mentor",
            started_at=ago(90000),
            max_connections=100,
            superuser_reserved=3,
            sessions=14,
            by_state={"idle in transaction": 1, "active": 4, "idle": 9},
            blocked=3,
            oldest_xact_start=ago(313),
        ),
        *sessions(),
    ]


def nodes() -> list[base.Entity]:
    return [
        redis.RedisNode(
            ref="redis/node/main",
            version="9.0.1",
            role="master",
            mode="standalone",
            started_at=ago(90000),
            maxmemory_bytes=256 << 20,
            maxmemory_policy="noeviction",
            persistence="aof",
            canary_ok=True,
        )
    ]


def checks() -> list[base.Entity]:
    def check(name: str, **facts: object) -> backend.Check:
        return backend.Check.model_validate(
            {"ref": f"backend/check/{name}", "name": name, "up_since": ago(86400), **facts}
        )

    return [
        check("blue", status_code=200, says="healthy", target="http://127.0.0.1:8801/api/health"),
        check("green", status_code=200, says="healthy", target="http://127.0.0.1:8802/api/health"),
        check("smtp", status_code=535, verdict=bad("smtp.credentials", "BadCredentials")),
    ]


def streams() -> list[base.Entity]:
    told = (
        (1, log.LogLevel.ERROR, "email.worker", "535-5.7.8 Username and Password not accepted"),
        (9, log.LogLevel.ERROR, "email.worker", "job 8123 failed (3/3)"),
        (31, log.LogLevel.WARN, "mentor-blue", "slow query: 1.2 s \x1b[31mUPDATE slots\x1b[0m"),
    )
    made = []
    for name in ("email.worker", "kpi.worker", "mentor-blue", "mentor-green"):
        notable = tuple(
            log.NotableLine(at=ago(s), level=level, stream=name, text=text)
            for s, level, stream, text in told
            if stream == name
        )
        made.append(
            log.LogStream(
                ref=f"logs/stream/{name}",
                name=name,
                path=f"/var/log/mr/{name}.log",
                last_line_at=ago(1),
                notable=notable,
            )
        )
    return list(made)


def processes() -> list[base.Entity]:
    rows = ("postgres", "valkey", "upstreams", "serve", "worker", "rqworker", "blue", "green")
    return [
        stack.Process(
            ref=f"stack/process/{name}",
            name=name,
            state="backoff" if name == "rqworker" else "ready",
            pid=None if name == "rqworker" else 3100 + place,
            since=ago(7 if name == "rqworker" else 7200),
            restarts=3 if name == "rqworker" else 0,
            last_exit="killed by SIGKILL" if name == "rqworker" else "",
            command=f"mrcore {name}",
            verdict=bad("process.down", "killed by SIGKILL, tried again in 4 s")
            if name == "rqworker"
            else base.OK,
        )
        for place, name in enumerate(rows)
    ]


LEVELS = {
    # metric: (ref, level, swing)
    "pg.sessions": ("pg/postgres/main", 12, 4),
    "pg.tps": ("pg/postgres/main", 41, 11),
    "pg.hit_ratio": ("pg/postgres/main", 99.1, 0),
    "pg.round_trip_ms": ("pg/postgres/main", 1.2, 0),
    "redis.ops": ("redis/node/main", 1200, 300),
    "redis.used_bytes": ("redis/node/main", 38 << 20, 1 << 20),
    "redis.keys": ("redis/node/main", 1204, 0),
    "redis.hit_ratio": ("redis/node/main", 99.1, 0),
    "redis.clients": ("redis/node/main", 31, 3),
    "redis.canary_ms": ("redis/node/main", 0.3, 0),
    "check.latency_ms": ("backend/check/blue", 12, 0),
}


def points(source: str, tick: int) -> list[wire.Point]:
    """A tick of every metric of a source, in waves."""
    at, wave = ago(30 - tick), math.sin(tick / 4)
    made = [
        wire.Point(metric=metric, ref=ref, at=at, value=level + swing * wave)
        for metric, (ref, level, swing) in LEVELS.items()
        if ref.startswith(f"{source}/")
    ]
    if source == "logs":
        made += [
            wire.Point(metric="log.line_rate", ref=s.ref, at=at, value=9.5 + 4 * wave)
            for s in streams()
        ]
    if source == "stack":
        made += [
            wire.Point(metric="process.rss_bytes", ref=p.ref, at=at, value=(40 + n) * 2.0**20)
            for n, p in enumerate(processes())
        ]
    if source == "huey":
        email = "huey/queue/emailQueue"
        made += [
            wire.Point(metric="queue.waiting", ref=email, at=at, value=280 + tick * 4.4),
            wire.Point(metric="queue.in_rate", ref=email, at=at, value=4.1 + wave),
            wire.Point(metric="queue.out_rate", ref=email, at=at, value=0.0),
            wire.Point(
                metric="queue.waiting", ref="huey/queue/kpiQueue", at=at, value=2 + 2 * wave
            ),
        ]
    return made


def entities(source: str) -> list[base.Entity]:
    """The live set of a source."""
    made = {
        "core": statuses,
        "pg": servers,
        "redis": nodes,
        "huey": lambda: [*queues(), *workers(), *schedules()],
        "logs": streams,
        "backend": checks,
        "stack": processes,
    }
    return made[source]()


def snapshot() -> wire.Snapshot:
    """Everything that is live now."""
    changed = [
        wire.Changed(
            source=source,
            at=ago(0.4),
            upserts=tuple(entities(source)),
            points=tuple(p for tick in range(30) for p in points(source, tick)),
        )
        for source in ("core", *SOURCES)
    ]
    return wire.Snapshot(at=NOW, environment="local", core_version="0.1.0", sources=tuple(changed))


def environment(**facts: object) -> core.Environment:
    """What is watched, protected."""
    return core.Environment.model_validate(
        {
            "ref": "core/environment/local",
            "name": "local",
            "protected": True,
            "actions": ("core.arm",),
            **facts,
        }
    )


def alerts() -> list[alert.Alert]:
    """What the rules say of the afternoon, from what nobody has to what is over."""
    rows: tuple[tuple[str, str, str, str, str, dict[str, object]], ...] = (
        (
            "queue_backlog_no_consumer",
            "P1",
            "firing",
            "huey/queue/emailQueue",
            "emailQueue: nobody works, and the oldest job waits for 6 min",
            {"runbook": "A", "actions": ("alert.ack", "alert.silence")},
        ),
        (
            "pg_idle_in_tx",
            "P2",
            "firing",
            "pg/session/4711/17",
            "session 4711 of api is idle in transaction for 6 min",
            {
                "runbook": "F",
                "acked_by": "anna",
                "acked_until": ago(-1_500),
                "actions": ("alert.unack", "alert.silence"),
            },
        ),
        (
            "schedule_missed",
            "P2",
            "recovering",
            "huey/schedule/kpi",
            "kpi did not run when it should have: 3 min late",
            {"runbook": "E", "hidden": "silenced", "silenced_by": "core/silence/7"},
        ),
        (
            "redis_wedged",
            "P1",
            "resolved",
            "redis/node/main",
            "Redis takes no writes: a write is not answered within 500 ms",
            {"runbook": "J", "resolved_at": ago(900)},
        ),
    )
    return [
        alert.Alert.model_validate(
            {
                "ref": ref.make("core", "alert", rule, of),
                "verdict": _said(severity, rule, says) if phase != "resolved" else base.OK,
                "rule": rule,
                "severity": severity,
                "phase": phase,
                "subject": of,
                "name": ref.parse(of).ids[0].decode(),
                "summary": says,
                "since": ago(400),
                "fired_at": ago(340 + number),
                **more,
            }
        )
        for number, (rule, severity, phase, of, says, more) in enumerate(rows)
    ]


def _said(severity: str, rule: str, says: str) -> base.Verdict:
    return bad(rule, says) if severity == "P1" else warn(rule, says)


def silences() -> list[alert.Silence]:
    """One that something fires beneath, and a maintenance window that is to come."""
    return [
        alert.Silence(
            ref="core/silence/7",
            actions=("silence.expire",),
            id=7,
            rule="schedule_missed",
            subject="huey/schedule/kpi",
            login="olga",
            reason="INC-9: the KPIs are computed by hand",
            starts_at=ago(600),
            expires_at=ago(-3_000),
            firing=1,
        ),
        alert.Silence(
            ref="core/silence/8",
            actions=("silence.expire",),
            id=8,
            rule="*",
            login="anna",
            reason="move to Postgres 17",
            starts_at=ago(-7_200),
            expires_at=ago(-10_800),
        ),
    ]


def arming(login: str = "root", seconds: float = 581) -> core.Arming:
    """A login that is armed for a while."""
    return core.Arming(
        ref=f"core/arming/{login}",
        login=login,
        reason="INC-12",
        since=ago(900 - seconds),
        until=ago(-seconds),
        actions=("core.disarm",),
    )


def waiting(plan_id: str, login: str, **facts: object) -> core.WaitingPlan:
    """A plan that needs a second login."""
    return core.WaitingPlan.model_validate(
        {
            "ref": f"core/plan/{plan_id}",
            "plan_id": plan_id,
            "action": "deploy.switch",
            "label": "Send the traffic to green",
            "login": login,
            "reason": "INC-12",
            "total": 1,
            "created_at": ago(60),
            "expires_at": ago(-840),
            **facts,
        }
    )


def colours() -> list[base.Entity]:
    """Blue is live, green is ready."""
    return [
        deploy.Colour(
            ref=f"deploy/colour/{name}",
            name=name,
            live=name == "blue",
            release="v41" if name == "blue" else "v42",
            state="healthy",
            since=ago(86400 if name == "blue" else 300),
            preflight=None if name == "blue" else warn("jobs", "green cannot run 3 sendHologram"),
            actions=() if name == "blue" else ("deploy.switch",),
        )
        for name in ("blue", "green")
    ]


def under_way(number: int, **facts: object) -> core.Operation:
    """An operation of many targets, as far as it is."""
    return core.Operation.model_validate(
        {
            "ref": f"core/operation/{number}",
            "id": number,
            "plan_id": "9f2cc0ffee",
            "action": "queue.retry",
            "label": "Retry failed job",
            "login": "anna",
            "reason": "INC-12",
            "total": 10_000,
            "done": 3_380,
            "skipped": 20,
            "started_at": ago(40),
            "worked_s": 34.0,
            "at": NOW,
            "actions": ("operation.pause", "operation.stop"),
            **facts,
        }
    )


def tokens() -> list[core.Token]:
    """One that is valid, one that was revoked."""
    return [
        core.Token(
            ref=f"core/token/{number}",
            id=number,
            login=login,
            roles=("operator",),
            created_at=ago(86_400 * number),
            expires_at=ago(-86_400),
            revoked_at=ago(60) if number == 1 else None,
            actions=() if number == 1 else ("token.revoke",),
        )
        for number, login in ((2, "anna"), (1, "ben"))
    ]
