"""Who may ask the board: HTTP Basic Auth, from the board's own pages only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from mrcore.mentor.board import problem, told

LOG = logging.getLogger("board")

FAILURES_MAX = 10
FAILURES_S = 60.0
ADDRESSES_MAX = 1_000
CHALLENGE = 'Basic realm="queues"'
OFF = "The board is off: set BULL_BOARD_USERNAME and BULL_BOARD_PASSWORD to switch it on."


class Unauthorized(Exception):
    """No login, or a wrong one: 401 with the challenge."""


class TooMany(Exception):
    """An address has failed too often; `retry_after_s` until it may again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class Door:
    """Lets in the one login of the board; an address that fails 10 times in a minute waits.

    Only wrong ones wait: a whole office may have one address, and none of its people shall lock
    out the others. Who guesses is written into the log instead.
    """

    def __init__(self, own: told.Told, *, now: Callable[[], datetime]) -> None:
        self._own = own
        self._now = now
        self.failed: dict[str, deque[datetime]] = {}

    def enter(self, headers: Mapping[str, str], address: str) -> str:
        """The name of the login; `address` is the client's, as the server has resolved it.

        Raises Problem for a request of another site, TooMany, Unauthorized.
        """
        check_origin(headers)
        given = headers.get("authorization", "")
        if not given:  # a browser asks so first, and shows where to log in
            raise Unauthorized
        if self._right(given):
            return self._own.username
        self._check_rate(address)
        self._note(address)
        raise Unauthorized

    def _right(self, given: str) -> bool:
        login = _credentials(given)
        if login is None:
            return False
        right_name = _same(login[0], self._own.username)
        return _same(login[1], self._own.password.get_secret_value()) & right_name

    def _check_rate(self, address: str) -> None:
        times = self.failed.get(address)
        if times is not None and len(times) == FAILURES_MAX:
            left = times[0] + timedelta(seconds=FAILURES_S) - self._now()
            if left > timedelta():
                raise TooMany(left.total_seconds())

    def _note(self, address: str) -> None:
        times = self.failed.pop(address, None) or deque(maxlen=FAILURES_MAX)
        times.append(self._now())
        self.failed[address] = times  # last: the first is the one quiet longest
        if len(times) == FAILURES_MAX:
            LOG.warning("board: %d wrong logins from %s", FAILURES_MAX, address or "nowhere")
        if len(self.failed) > ADDRESSES_MAX:
            del self.failed[next(iter(self.failed))]


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse what another site's page has sent: a browser adds the password by itself.

    Raises Problem 403.
    """
    site = headers.get("sec-fetch-site", "none")
    origin = headers.get("origin")
    # Only the host is compared: behind a proxy that ends TLS our scheme is not the browser's.
    strange = origin is not None and urlsplit(origin).netloc != headers.get("host", "")
    if site not in ("none", "same-origin") or strange:
        raise problem.Problem(403, "FORBIDDEN", "Another site has sent this request.")


def _credentials(header: str) -> tuple[str, str] | None:
    """Name and password, None where there are none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, _, password = text.partition(":")
    return name, password


def _same(given: str, right: str) -> bool:
    """Compare in a time that tells neither length nor content."""
    digest = hashlib.sha256(given.encode()).digest()
    return hmac.compare_digest(digest, hashlib.sha256(right.encode()).digest())
