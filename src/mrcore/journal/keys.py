"""Names of the journal's keys; the package's docstring says what each holds."""

from __future__ import annotations

from urllib.parse import quote

PREFIX = "mr:journal"
SCHEDULE = "mr:schedule:"
"""Before a schedule's name, percent-encoded: what its hash is called."""

SCHEDULES = "mr:schedules"
TEMPLATE_ID = "00000000-7e3a-4a7e-8000-000000000000"
"""The job id in a schedule's template; whoever runs it puts one of its own in its place."""

REVISION = "mr:schedules:revision"
OBEYED = "mr:schedule::obeyed"
"""A hash: `revision` counts how often a schedule was told to go by another interval. No schedule's
name is written like that."""

LEASE = "mr:scheduler:lease"
STATES = ("waiting", "active", "delayed", "failed", "completed", "quarantined")


def schedule(name: str) -> str:
    """The hash of a declared schedule."""
    return SCHEDULE + quote(name, safe="")


class Root:
    """Keys that are not of one queue."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self.base = f"{prefix}:"
        self.queues = f"{prefix}:queues"
        self.workers = f"{prefix}:workers"
        self.wake = f"{prefix}:wake"
        self.buried = f"{prefix}:buried"

    def ended(self, state: str) -> str:
        """The stream of the runs that ended so: `completed` or `failed`."""
        return f"{self.base}ended:{state}"

    def alive(self, worker: str) -> str:
        return f"{self.base}alive:{worker}"

    def restart(self, worker: str) -> str:
        """The wish that a worker ends."""
        return f"{self.base}restart:{worker}"

    def queue(self, name: str) -> Queue:
        return Queue(self, name)


class Queue:
    """Keys of one queue; its name is percent-encoded so that no two queues share a key."""

    def __init__(self, root: Root, name: str) -> None:
        self.root = root
        self.name = name
        self.base = f"{root.base}{quote(name, safe='')}:"
        self.meta = f"{self.base}meta"
        self.signatures = f"{self.base}signatures"
        self.paused = f"{self.base}paused"
        self.paused_by = f"{self.base}paused_by"
        self.stats = f"{self.base}stats"

    def state(self, state: str) -> str:
        """The sorted set of a state in STATES."""
        return self.base + state

    def hands(self, worker: str) -> str:
        """The list of messages that a worker has claimed and not ended."""
        return f"{self.base}active:{worker}"

    def job(self, job_id: str) -> str:
        return f"{self.base}job:{job_id}"

    def quarantine(self, job_id: str) -> str:
        """The hash of where a quarantined job came from, by whom and why."""
        return f"{self.base}quarantine:{job_id}"

    def trash(self, name: str) -> str:
        """The hash of a removed job; what belongs to it has a suffix."""
        return f"{self.base}trash:{name}"
