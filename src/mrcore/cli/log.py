"""What a process of ours logs, without the secrets that it was given."""

from __future__ import annotations

import logging
from collections.abc import Collection

from mrcore import redact

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_CHATTY = ("uvicorn", "httpx")  # a line a request, or a start


class Formatter(logging.Formatter):
    """Lines and tracebacks without these secrets, and without what looks like one.

    A library's error may quote the address that it was given, with its password.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        super().__init__(_FORMAT)
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, redact.MASK)
        return redact.text(text)


def set_up(secrets: Collection[str] = ()) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
