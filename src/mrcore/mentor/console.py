"""Mr. Mentor's logging to stdout: free text, one line an event, as the playbook has it.

What `trace.tell` says is a line of JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time


class _Utc(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields is None:
            return super().format(record)
        said = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        return json.dumps(said, ensure_ascii=False)


def formatter() -> logging.Formatter:
    """What makes a line of a record."""
    return _Utc("%(asctime)s %(levelname)s [%(name)s] %(message)s")


def set_up() -> None:
    """Send all loggers to stdout; libraries speak only of what is wrong."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # aiosmtpd warns of its own use of what it deprecates, at every login.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
