"""What RQ's workers run in these tests; they find it by its name."""

from __future__ import annotations

import time

import rq


def send_otp(to: object) -> str:
    """Succeeds."""
    return f"sent to {to}"


def refuse(number: int) -> None:
    """Fails as a mail server lets it fail."""
    raise ConnectionError(f"535-5.7.8 refused {number}")


def linger(seconds: float) -> None:
    """Succeeds after so long."""
    time.sleep(seconds)


def again(most: int) -> rq.Retry:
    """Asks to be tried again."""
    return rq.Retry(max=most)
