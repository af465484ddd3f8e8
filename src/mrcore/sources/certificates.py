"""Until when certificates are valid: those that are served, and those in files."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from mrcore.model import base, host, ref
from mrcore.sources import base as sources

AGAIN = timedelta(minutes=10)
SOON = timedelta(seconds=30)
"""One that could not be had is asked for again after this."""

WAIT_S = 5.0
WARN_D, BAD_D = 21, 3


class Certificates:
    """Asks for each in the background; what it knows is there at once."""

    def __init__(self, source: str, places: Sequence[str], *, now: sources.Now) -> None:
        self._now = now
        self._rows = {place: _unknown(source, place, "not asked yet") for place in places}
        self._source = source
        self._due: datetime | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Where they are."""
        return tuple(self._rows)

    def look(self) -> None:
        """Begin to ask, when it is time; returns at once."""
        idle = self._asking is None or self._asking.done()
        if self._rows and idle and (self._due is None or self._now() >= self._due):
            self._asking = asyncio.create_task(self.ask())

    def rows(self) -> list[host.Certificate]:
        """Every certificate; how long it is valid is reckoned now."""
        now = self._now()
        return [_judged(row, now) for row in self._rows.values()]

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    async def ask(self) -> None:
        """Ask for all of them, and wait for the answers."""
        places = list(self._rows)
        for place, row in zip(places, await asyncio.gather(*map(self._one, places)), strict=True):
            self._rows[place] = row
        known = all(row.expires_at is not None for row in self._rows.values())
        self._due = self._now() + (AGAIN if known else SOON)

    async def _one(self, place: str) -> host.Certificate:
        try:
            async with asyncio.timeout(WAIT_S):
                found = await _read(place)
        except TimeoutError:
            return _unknown(self._source, place, f"no answer within {WAIT_S:g} s")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return _unknown(self._source, place, f"it cannot be had: {why}")
        return host.Certificate(
            ref=ref.make(self._source, "certificate", place),
            name=place,
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            expires_at=found.not_valid_after_utc,
        )


async def asked(source: str, places: Sequence[str], now: sources.Now) -> list[host.Certificate]:
    """Every certificate, waited for."""
    found = Certificates(source, places, now=now)
    await found.ask()
    return found.rows()


async def _read(place: str) -> x509.Certificate:
    """The certificate; whether it is trusted is not asked. Raises OSError and ValueError."""
    name, colon, port = place.rpartition(":")
    if not (colon and port.isdigit()) or "/" in place:
        data = await asyncio.to_thread(Path(place).read_bytes)
        return x509.load_pem_x509_certificate(data)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(
        name.strip("[]"), int(port), ssl=context, server_hostname=name.strip("[]")
    )
    try:
        held: ssl.SSLObject = writer.get_extra_info("ssl_object")
        data = held.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(data)


def _judged(row: host.Certificate, now: datetime) -> host.Certificate:
    if row.expires_at is None:
        return row
    days = (row.expires_at - now) / timedelta(days=1)
    if days > WARN_D:
        return row
    level = base.Level.BAD if days <= BAD_D else base.Level.WARN
    # To the day: a row is another one only when what it says is.
    why = f"expires on {row.expires_at:%Y-%m-%d}" if days > 0 else "has expired"
    verdict = base.Verdict(level=level, code="expires" if days > 0 else "expired", why=why)
    return row.model_copy(update={"verdict": verdict})


def _unknown(source: str, place: str, why: str) -> host.Certificate:
    unknown = base.Verdict(level=base.Level.UNKNOWN, code="no_certificate", why=why)
    return host.Certificate(ref=ref.make(source, "certificate", place), verdict=unknown, name=place)
