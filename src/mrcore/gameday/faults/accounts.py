"""Accounts of services outside: what a service takes, and what the secrets and syncs hold.

The passwords and keys in here are of simulated services.
"""

from __future__ import annotations

from typing import Any, Literal

from mrcore import errors
from mrcore.gameday.faults import base, processes, services
from mrcore.mentor import schedules

BOTH = ("mr-mentor-backend/development", "mr-mentor-backend/production")
NEW = "game-day"
"""What an account has been given: its owner knows it, and Mr. Mentor not yet."""

_OLD = "before-the-game-day"
"""What it had been given before, where a game day saves a sync."""

_THERE = "SELECT EXISTS (SELECT FROM sync_configs WHERE id = $1)"
_SAVE = """INSERT INTO sync_configs (id, kind, base_url, api_key, every_hours)
           VALUES ($1, $2, $3, $4, 1)"""
_ASIDE = """INSERT INTO sync_configs (id, kind, base_url, api_key, every_hours, enabled)
            SELECT $1, kind, '', api_key, every_hours, false FROM sync_configs WHERE id = $2
            ON CONFLICT (id) DO NOTHING"""
_STORE = "UPDATE sync_configs SET api_key = $2 WHERE id = $1"
_BACK = """UPDATE sync_configs c SET api_key = a.api_key FROM sync_configs a
            WHERE c.id = $2 AND a.id = $1"""
_DROP = "DELETE FROM sync_configs WHERE id = $1"
_STALE = "SELECT process FROM process_secrets WHERE secret = $1 AND version <> $2"


class Answers(base.Fault):
    """A simulated service answers everybody with 401, 403, 429, 503, or long not (`slow`)."""

    service: Literal["graphy", "mrtest", "elevenlabs", "razorpay", "exotel"] = "mrtest"
    fault: Literal["401", "403", "429", "503", "slow"]

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await self._say(stage, self.fault)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await self._say(stage, "ok")

    async def _say(self, stage: base.Stage, fault: str) -> None:
        said = {"service": self.service, "fault": fault}
        await services.console(stage, "/control/faults", said)


class Well(Answers):
    """For an operator: who runs the service has mended it, or lets us in again."""

    fault: Literal["401", "403", "429", "503", "slow"] = "503"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await self._say(stage, "ok")


class Saved(base.Fault):
    """A sync of Mr. Mentor, saved where its stack has none of that name. Breaks nothing.

    Its schedules begin, and end with the game day.
    """

    config: str = "mrtest-main"
    kind: Literal["mrlearn", "mrtest"] = "mrtest"
    service: Literal["graphy", "mrtest"] = "mrtest"

    async def before(self, stage: base.Stage) -> base.Memo:
        return {"there": await sql(stage, _THERE, self.config)}

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        if memo["there"]:
            return
        said = {"service": self.service, "keys": [_OLD]}
        await services.console(stage, "/control/keys", said)
        await sql(stage, _SAVE, self.config, self.kind, stage.arena.upstreams, _OLD)
        await self._register(stage)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        if memo["there"]:
            return
        await sql(stage, _DROP, self.config)
        await self._register(stage)
        await services.console(stage, "/control/keys", {"service": self.service, "keys": []})

    async def _register(self, stage: base.Stage) -> None:
        async with stage.arena.redis() as client:
            await schedules.register(client, schedules.names(self.kind, self.config))


class Rekeyed(base.Fault):
    """A service takes another key than the one that is stored with a sync."""

    service: Literal["graphy", "mrtest", "elevenlabs"] = "mrtest"
    config: str = "mrtest-main"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await sql(stage, _ASIDE, f"{NEW}-{self.config}", self.config)
        await self._keys(stage, [NEW])

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        aside = f"{NEW}-{self.config}"
        await sql(stage, _BACK, aside, self.config)
        await sql(stage, _DROP, aside)
        await self._keys(stage, [])

    async def _keys(self, stage: base.Stage, keys: list[str]) -> None:
        said = {"service": self.service, "keys": keys}
        await services.console(stage, "/control/keys", said)


class Stored(base.Fault):
    """For an operator: the key that the service takes is saved with the sync."""

    config: str = "mrtest-main"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await sql(stage, _STORE, self.config, NEW)


class Put(base.Fault):
    """Values of both secrets are others.

    `restarted`: the processes that read them have begun anew since. For an operator as well, whose
    change is taken back with the fault's.
    """

    values: dict[str, str]
    restarted: bool = False

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await put(stage, self.values)
        if self.restarted:
            await _restart_stale(stage)

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await as_before(stage, *self.values)


class MailRotated(base.Fault):
    """The mail account has another password; with `told` both secrets have it, and no process."""

    told: bool = False

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await services.console(stage, "/control/smtp", {"logins": "accept", "password": NEW})
        if self.told:
            await put(stage, {"EMAIL_PASS": NEW})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        old = stage.arena.names["EMAIL_PASS"]
        await services.console(stage, "/control/smtp", {"logins": "accept", "password": old})
        await as_before(stage, "EMAIL_PASS")


class ExotelHome(base.Fault):
    """Exotel's account is on one of its clusters: the other one answers 401."""

    cluster: Literal["api.exotel.com", "api.in.exotel.com"] = "api.exotel.com"

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        await services.console(stage, "/control/exotel", {"home": self.cluster})

    async def clean(self, stage: base.Stage, memo: base.Memo) -> None:
        await services.console(stage, "/control/exotel", {"home": "api.in.exotel.com"})
        await as_before(stage, "EXOTEL_SUBDOMAIN")


async def put(stage: base.Stage, values: dict[str, str]) -> None:
    """A new version of both secrets."""
    for name in BOTH:
        await services.console(stage, "/control/secrets", {"secret": name, "set": values})


async def as_before(stage: base.Stage, *names: str) -> None:
    """What the secrets held when the stack began; who has read something else begins anew."""
    await put(stage, {name: stage.arena.names.get(name, "") for name in names})
    await _restart_stale(stage)


async def _restart_stale(stage: base.Stage) -> None:
    """As somebody careful does it: one after the other, each until it is ready."""
    said = await services.console(stage, "/control/secrets", {"secret": BOTH[0], "set": {}})
    connection = await stage.arena.superuser("mrcore-gameday")
    try:
        rows = await connection.fetch(_STALE, BOTH[0], said["version"])
    finally:
        await connection.close()
    for row in rows:
        try:
            pid = stage.arena.pid(row["process"])
        except errors.StackError:
            continue  # it is not running: it will read the new one
        await processes.begin_anew(stage, row["process"], pid)


async def sql(stage: base.Stage, query: str, *values: str) -> Any:
    """Execute a statement as Mr. Mentor; the first value of its first row, None without one."""
    connection = await stage.arena.app("mrcore-gameday")
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()
