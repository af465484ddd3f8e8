"""`mrcore upstreams`: the simulated world outside Mr. Mentor."""

from __future__ import annotations

import asyncio
import os

import click


@click.command()
def command() -> None:
    """Run the simulated outside world (local only), until SIGTERM.

    A mail server that forgets (MR_SMTP_PORT, EMAIL_USER, EMAIL_PASS), the HTTP services that
    Mr. Mentor syncs with (MR_UPSTREAMS_PORT), STUN and TURN (TURN_URL, TURN_USERNAME,
    TURN_PASSWORD), Razorpay and Exotel, which know the account that
    RAZORPAY_* and EXOTEL_* say, and, when MR_SEED is set, visitors of MR_BACKENDS at MR_SCALE and
    a few announced faults (DB_*).

    Example: MR_SMTP_PORT=2525 EMAIL_USER=me EMAIL_PASS=… mrcore upstreams
    """
    # Imported here: `mrcore upstreams --help` needs no mail server.
    from mrcore.mentor import console, upstreams
    from mrcore.sources import base
    from mrcore.stack import ready

    console.set_up()
    order = upstreams.Order.read(os.environ)
    asyncio.run(upstreams.run(order, now=base.utc_now, ready=ready.announce))
