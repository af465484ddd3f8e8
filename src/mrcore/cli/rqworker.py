"""`mrcore rqworker`: an RQ worker for Mr. Mentor's heavy exports."""

from __future__ import annotations

import os
from pathlib import Path

import click
import redis
import rq
from redis import retry
from redis.backoff import NoBackoff

from mrcore import errors, folder
from mrcore.mentor import config, console, finance
from mrcore.stack import joining, ready


class _Worker(rq.SimpleWorker):
    """Runs jobs in this process: a forked one would outlive a killed worker."""

    def check_for_suspension(self, burst: bool) -> None:
        # The first step in which a SIGTERM ends the worker as it should: it is ready now.
        ready.announce()
        super().check_for_suspension(burst)


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
        connection = redis.Redis(**settings.options())
        _Worker([finance.QUEUE], connection=connection).work(burst=burst)
    except redis.ConnectionError as error:
        raise errors.StackError(
            f"Redis at {settings.host}:{settings.port} does not answer.",
            fix="Start it, or set REDIS_HOST and REDIS_PORT.",
        ) from error
