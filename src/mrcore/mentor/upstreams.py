"""The world outside Mr. Mentor, on one event loop: mail, HTTP services, people, faults."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import uvicorn
from pydantic import SecretStr
from starlette import routing

from mrcore import errors
from mrcore.mentor import (
    attending,
    config,
    exotel,
    faults,
    people,
    razorpay,
    secret,
    smtp_sink,
    turn,
    upstream_exotel,
    upstream_http,
    upstream_razorpay,
    upstream_secrets,
    visitors,
)

LOG = logging.getLogger("upstreams")

_HOST = "127.0.0.1"
_AGAIN_S = 2.0


@dataclass(frozen=True)
class Order:
    """What to simulate. Without `seed` there is mail and nobody visits."""

    settings: config.Config
    smtp_port: int
    urls: list[str]
    seed: int | None
    scale: people.Scale
    http_port: int
    razorpay: razorpay.Settings
    exotel: exotel.Settings
    secret: Mapping[str, str]
    secrets_token: SecretStr
    turn: turn.Account
    public: str = ""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Order:
        """Read MR_SMTP_PORT, MR_UPSTREAMS_PORT, MR_BACKENDS (comma-separated URLs), MR_SCALE,
        MR_SEED, and the accounts that are known here: RAZORPAY_*, EXOTEL_*.

        Raises SettingsError that names the variable that is wrong.
        """
        scale = env.get("MR_SCALE") or "small"
        if scale not in people.SCALES:
            raise errors.SettingsError(
                f"MR_SCALE is {scale!r}.", fix=f"Use {' or '.join(sorted(people.SCALES))}."
            )
        settings = config.Config.read(env)
        return cls(
            settings=settings,
            smtp_port=config.number(env, "MR_SMTP_PORT", settings.email.port),
            urls=[url.rstrip("/") for url in env.get("MR_BACKENDS", "").split(",") if url],
            seed=config.number(env, "MR_SEED", 0) if env.get("MR_SEED") else None,
            scale=people.SCALES[scale],
            http_port=config.number(env, "MR_UPSTREAMS_PORT", 0),
            razorpay=razorpay.Settings.read(env),
            exotel=exotel.Settings.read(env),
            secret={name: env[name] for name in secret.KEPT if env.get(name)},
            secrets_token=SecretStr(env.get("MR_SECRETS_TOKEN", "")),
            turn=turn.Account.read(env),
            public=env.get("BACKEND_PUBLIC_URL", "").rstrip("/"),
        )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # this process has one more thing to stop than its HTTP server


async def run(order: Order, *, now: Callable[[], datetime], ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called when mail and HTTP listen.

    Raises StackError when a port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sink = smtp_sink.Sink(order.settings.email)
    try:
        mail = await smtp_sink.listen(sink, _HOST, order.smtp_port)
    except OSError as error:
        raise errors.StackError(
            f"Mail cannot listen on port {order.smtp_port}: {error.strerror}.",
            fix="Set MR_SMTP_PORT to a free port.",
        ) from error
    # asyncio sets TCP_NODELAY only where the protocol is named: without it each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        _bind(listener, order.http_port)
        relays = await _relays(order)
        calm = faults.Calm()
        extra = [*_accounts(order, now), *turn.control(relays), *calm.routes()]
        services = upstream_http.Upstreams(order.seed or 0, order.scale, sink, now, extra=extra)
        server = _Server(
            uvicorn.Config(services.app(), log_config=None, access_log=False, lifespan="off")
        )
        url = f"http://{_HOST}:{listener.getsockname()[1]}"
        LOG.info("mail on port %d, services on %s", order.smtp_port, url)
        tasks = [
            asyncio.create_task(w)
            for w in (server.serve([listener]), *_life(order, url, services, calm, now))
        ]
        ready()
        await _until(stop, tasks)
        mail.close()
        for each in relays:
            each.close()


def _bind(listener: socket.socket, port: int) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        raise errors.StackError(
            f"The services cannot listen on port {port}: {error.strerror}.",
            fix="Set MR_UPSTREAMS_PORT to a free port.",
        ) from error


async def _relays(order: Order) -> list[turn.Server]:
    """STUN and TURN, where there is an account."""
    if not order.turn.url:
        return []
    try:
        return [await turn.listen(order.turn)]
    except OSError as error:
        raise errors.StackError(
            f"TURN cannot listen at {order.turn.url}: {error.strerror}.",
            fix="Set TURN_URL to a free port.",
        ) from error


def _accounts(order: Order, now: Callable[[], datetime]) -> list[routing.Route]:
    """Razorpay, which tells every backend in turn; Exotel, which is told whom to call back; and
    the secrets, which hold those accounts."""
    pays = upstream_razorpay.Razorpay(
        order.razorpay, [f"{url}/api/webhooks/razorpay" for url in order.urls]
    )
    calls = upstream_exotel.Exotel(order.exotel)
    kept = upstream_secrets.Secrets(order.secret, order.secrets_token, now())
    return [*pays.routes(), *calls.routes(), *kept.routes(now)]


def _life(
    order: Order,
    url: str,
    services: upstream_http.Upstreams,
    calm: faults.Calm,
    now: Callable[[], datetime],
) -> list[Coroutine[Any, Any, None]]:
    if order.seed is None:
        return []
    database = order.settings.database
    life: list[Coroutine[Any, Any, None]] = [
        point_configs(database, url),
        calm.over(lambda: faults.forgotten_transaction(database, faults.Rhythm())),
    ]
    if order.urls:
        crowd = visitors.Visitors(
            order.urls, order.seed, order.scale, now, inbox=services.sink.take_code
        )
        sink, seed = services.sink, order.seed
        mail, quota = (faults.Rhythm.of_window(seed, each) for each in ("smtp", "mrtest"))
        life += [
            crowd.run(),
            _attendees(order, now).run(),
            calm.over(lambda: faults.bounces(crowd, faults.Rhythm(first_s=0))),
            calm.over(lambda: faults.refused_logins(sink, crowd, mail)),
            calm.over(lambda: faults.used_up_quota(services, crowd, quota)),
        ]
    return life


def _attendees(order: Order, now: Callable[[], datetime]) -> attending.Attendees:
    """They come in by BACKEND_PUBLIC_URL, as browsers do: on one colour they meet each other."""
    url, seed = order.public or order.urls[0], order.seed or 0
    at_once = attending.AT_ONCE[order.scale.name]
    return attending.Attendees(url, seed, order.settings, now, at_once)


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for `stop`; a task that fails before ends the process with its error."""
    stopping = asyncio.create_task(stop.wait())
    waiting: set[asyncio.Task[Any]] = {stopping, *tasks}
    while not stopping.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def point_configs(database: config.Database, url: str) -> None:
    """Give the sync configs our address, as an admin who saves them would; tries until it can."""
    while True:
        try:
            connection = await asyncpg.connect(**database.options("mentor-admin"), timeout=5)
            try:
                await connection.execute("UPDATE sync_configs SET base_url = $1", url)
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError) as error:
            LOG.warning("sync configs are not saved yet: %s", type(error).__name__)
            await asyncio.sleep(_AGAIN_S)
        else:
            return
