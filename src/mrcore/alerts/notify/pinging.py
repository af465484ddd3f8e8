"""The core's own dead man's switch: an outside address hears of every complete evaluation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import SecretStr

from mrcore import alert_settings, errors
from mrcore.alerts.notify import http
from mrcore.model import backend, base
from mrcore.model import ref as refs

TIMEOUT_S = 10.0
AGAIN_S = 5.0


class Pinger:
    """Asks an address time and again, while `looked` says that all rules were asked since."""

    def __init__(
        self,
        url: SecretStr,
        every_s: float,
        *,
        looked: Callable[[], datetime | None],
        now: Callable[[], datetime],
    ) -> None:
        self._url = http.checked(url) if url.get_secret_value() else url
        self._every_s = every_s
        self._looked = looked
        self._now = now
        self._of: datetime | None = None
        self._why = ""

    async def run(self) -> None:
        """Ping until cancelled; soon again where it did not go well."""
        while self._url.get_secret_value():
            well = await self.ping()
            await asyncio.sleep(self._every_s if well else min(AGAIN_S, self._every_s))

    async def ping(self) -> bool:
        """Ping, if there was a complete evaluation since; whether that went well."""
        looked = self._looked()
        if looked is None or looked == self._of:
            since = f"since {self._of:%H:%M:%S} UTC" if self._of else "yet"
            self._why = f"Not all rules were asked {since}, so nothing was pinged."
            return False
        try:
            await http.post(
                self._url,
                b"",
                headers={},
                timeout_s=TIMEOUT_S,
                secrets=alert_settings.secrets_in([self._url]),
                method="GET",
            )
        except errors.NotSent as error:
            self._why = f"The outside is not told that this core lives: {error.sentence}"
            return False
        self._of, self._why = looked, ""
        return True

    def checks(self) -> Iterator[backend.Check]:
        """Whether the outside knows that the core lives, where somebody there wants to."""
        if not self._url.get_secret_value():
            return
        verdict = base.OK
        if self._why:
            verdict = base.Verdict(level=base.Level.WARN, code="not_pinged", why=self._why)
        yield backend.Check(
            ref=refs.make("core", "check", "ping"), verdict=verdict, name="ping", target="outside"
        )
