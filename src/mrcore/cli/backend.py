"""`mrcore backend`: Mr. Mentor's HTTP API, one colour."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mrcore import lean


@click.command()
@click.option("--colour", type=click.Choice(["blue", "green"]), required=True)
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option(
    "--state", type=click.Path(path_type=Path), help="Join the stack that runs in this folder."
)
@click.option("--host", default="127.0.0.1", show_default=True)
def command(colour: str, port: int, state: Path | None, host: str) -> None:
    """Run Mr. Mentor's HTTP API, one colour, until SIGTERM.

    Reads DB_*, REDIS_*, NODE_ENV, MR_RELEASE or MR_RELEASE_FILE, MR_HEALTH (deep or
    shallow); JWT_SECRET, which
    signs logins and is the same for all colours; RAZORPAY_* and EXOTEL_* (without them payments
    and calls are off), BACKEND_PUBLIC_URL; MR_SECRETS_URL and MR_SECRETS_TOKEN, where what the
    environment lacks is read at the start; CORS_ORIGINS (comma-separated), whose pages get a
    socket beside the local ones; and for the board at
    /admin/queues BULL_BOARD_USERNAME, BULL_BOARD_PASSWORD (without them it is off), MR_CORE_URL
    (unix:/path or https://host:port), MR_CORE_TOKEN_FILE and MR_CORE_CA; MR_TIME_SCALE, by which
    it looks after itself quicker. Of a proxy whose address is in FORWARDED_ALLOW_IPS (127.0.0.1)
    its X-Forwarded-For says who asks.

    Example: mrcore backend --colour blue --port 8081 --state /tmp/mr
    """
    lean.web()
    # Imported here: `mrcore backend --help` needs no web framework.
    import uvicorn

    from mrcore.mentor import app, console, health, secret
    from mrcore.stack import joining, ready

    class Server(uvicorn.Server):
        async def startup(self, *args: object, **kwargs: object) -> None:
            await super().startup(*args, **kwargs)  # type: ignore[arg-type]
            if self.started:
                ready.announce()

        async def shutdown(self, *args: object, **kwargs: object) -> None:
            # Meetings first: each of their polls would be waited for.
            await api.state.hang_up()
            await super().shutdown(*args, **kwargs)  # type: ignore[arg-type]

    joining.join(state)
    console.set_up()
    secret.read(os.environ)
    api = app.create(colour, os.environ, health_interval_s=health.interval_s(os.environ))
    config = uvicorn.Config(
        api,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        timeout_graceful_shutdown=5,
    )
    Server(config).run()
