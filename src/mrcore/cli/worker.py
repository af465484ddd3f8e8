"""`mrcore worker`: huey consumers of many queues and the scheduler, in one process."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import pkgutil
import signal
from pathlib import Path
from typing import Any

import asyncpg
import click

from mrcore import errors, worker
from mrcore.mentor import config, console, secret
from mrcore.sources import base
from mrcore.sources.redis import pool
from mrcore.stack import joining


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Join the stack that runs in this folder.",
)
@click.option("--queues", default="", help="Consume only these, comma-separated.")
@click.option(
    "--app",
    default="mrcore.mentor.queues:hueys",
    show_default=True,
    help="module:function that gives huey instances by queue for a redis connection pool.",
)
@click.option(
    "--schedules",
    default="mrcore.mentor.schedules:declared",
    show_default=True,
    help="module:function that gives the schedules for the settings read; empty for none.",
)
@click.option("--threads", default=worker.THREADS, show_default=True, help="Jobs at a time.")
def command(state: Path | None, queues: str, app: str, schedules: str, threads: int) -> None:
    """Run huey consumers and the scheduler until SIGTERM.

    What the environment lacks is read from MR_SECRETS_URL with MR_SECRETS_TOKEN, at the start.
    Running jobs may end within 5 s; what still runs then goes back into its queue. Reads REDIS_*
    and what the jobs need (DB_*, EMAIL_*). MR_QUEUES_URL is where the queues are, when that is
    another place: redis:// or redis+sentinel://host:port,host:port/service.

    Example: mrcore worker --state /tmp/mr --queues emailQueue,kpiQueue
    """
    console.set_up()
    logging.getLogger("huey").setLevel(logging.CRITICAL)  # every outcome is told by ours
    joining.join(state)
    secret.read(os.environ)
    settings = config.Config.read(os.environ)
    if settings.secret_version:
        asyncio.run(_note(settings))
    url = os.environ.get("MR_QUEUES_URL", "")
    where = pool.of(url, "MR_QUEUES_URL") if url else None
    connections = where or pool.plain(**settings.redis.options())
    read = functools.partial(_resolve(schedules), settings) if schedules else None
    made = worker.Worker(
        _resolve(app)(connections),
        read() if read else (),
        now=base.utc_now,
        queues=[name.strip() for name in queues.split(",")] if queues else None,
        threads=threads,
        again=read,
        supervised=os.environ.get("MR_SUPERVISED") == "1",
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: made.stop())
    worker.end_process(made.run())


async def _note(settings: config.Config) -> None:
    """Write down which version of the secret this worker runs with."""
    try:
        connection = await asyncpg.connect(**settings.database.options("mentor-worker"), timeout=5)
        try:
            await secret.note(connection, "worker", settings, base.utc_now())
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        logging.getLogger("secrets").warning("the version is not noted: %s", type(error).__name__)


def _resolve(name: str) -> Any:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise errors.SettingsError(
            f"{name!r} leads nowhere: {error}.", fix="Name it as module:attribute."
        ) from error
