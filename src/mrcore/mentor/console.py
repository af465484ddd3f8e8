"""Mr. Mentor's logging: free text to stdout, one line an event, as the playbook has it."""

from __future__ import annotations

import logging
import sys
import time


class _Utc(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"


def set_up() -> None:
    """Send all loggers to stdout; libraries speak only of what is wrong."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Utc("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # aiosmtpd warns of its own use of what it deprecates, at every login.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
