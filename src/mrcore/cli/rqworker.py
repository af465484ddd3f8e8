"""`mrcore rqworker`: an RQ worker for Mr. Mentor's heavy exports."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click
import redis
import rq
from redis import retry
from redis.backoff import NoBackoff
from rq import worker_registration

from mrcore import errors, folder
from mrcore.mentor import config, console, finance
from mrcore.sources.redis import faults
from mrcore.stack import joining, ready

_UNBLOCKED = "UNBLOCKED"
"""How Redis' answer begins to whoever waited for a job when it became a replica."""


class Worker(rq.SimpleWorker):
    """Runs jobs in this process: a forked one would outlive a killed worker."""

    WAIT_S = 5
    """It waits for a job so long at a time, and then says that it lives. Not by a short
    `worker_ttl`: its key would go with a short outage, and the timeout of the connection, too."""

    REFUSED_S = 1.0
    """It asks again so long after Redis has refused it."""

    max_connection_wait_time = 5.0

    def check_for_suspension(self, burst: bool) -> None:
        # The first step in which a SIGTERM ends the worker as it should: it is ready now.
        ready.announce()
        super().check_for_suspension(burst)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        if timeout is not None:
            timeout = min(timeout, self.WAIT_S)
        while True:  # rq goes on without Redis, and quits where Redis answers and takes no writes
            try:
                return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            except redis.ResponseError as error:
                if faults.of_reply(error) is None and _UNBLOCKED not in str(error):
                    raise
                self.log.warning("Redis refuses, and is asked again: %s", error)
                time.sleep(self.REFUSED_S)

    def heartbeat(
        self, timeout: int | None = None, pipeline: redis.client.Pipeline | None = None
    ) -> None:
        # All that it is: RQ writes one field, and a key that had gone would be no worker by it.
        super().heartbeat(timeout, pipeline)
        where = self.connection if pipeline is None else pipeline
        where.hset(self.key, mapping={**self.serialize(), "state": self.get_state()})
        worker_registration.register(self, pipeline)


def connect(settings: config.Redis) -> redis.Redis:
    """A client that leaves what has become a replica, for where the address leads now."""
    # What was refused so was not done: it may be asked again.
    return redis.Redis(**settings.options(), retry_on_error=[redis.ReadOnlyError])


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Join the stack that runs in this folder; exports go to its exports/.",
)
@click.option("--burst", is_flag=True, help="End when the queue is empty.")
def command(state: Path | None, burst: bool) -> None:
    """Run an RQ worker for heavy exports, until SIGTERM.

    Reads DB_* and REDIS_*.

    Example: mrcore rqworker --state /tmp/mr
    """
    console.set_up()
    joining.join(state)
    if state or os.environ.get("MR_STATE"):
        os.environ[finance.FOLDER] = str(folder.StateFolder(state).make() / "exports")
    settings = config.Config.read(os.environ).redis
    try:
        # Asked once, without patience: who starts us tries again.
        with redis.Redis(**settings.options(), retry=retry.Retry(NoBackoff(), 0)) as once:
            once.ping()
        Worker([finance.QUEUE], connection=connect(settings)).work(burst=burst)
    except redis.ConnectionError as error:
        raise errors.StackError(
            f"Redis at {settings.host}:{settings.port} does not answer.",
            fix="Start it, or set REDIS_HOST and REDIS_PORT.",
        ) from error
    except redis.ResponseError as error:  # as a worker begins or ends
        raise errors.StackError(
            f"Redis at {settings.host}:{settings.port} refuses a worker: {error}",
            fix="`mrtui status` says what is wrong with it.",
        ) from error
