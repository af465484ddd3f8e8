"""A Socket.IO handshake as a browser's page of one origin makes it, and its end."""

from __future__ import annotations

import asyncio
import contextlib

import httpx

from mrcore import redact
from mrcore.model import base, meeting
from mrcore.sources import backend

PATH = "/socket.io/"
ANSWER_S = 2.0
_ASKED = {"EIO": "4", "transport": "polling"}
_MOST_BYTES = 64 * 1024


async def shake(
    client: httpx.AsyncClient, url: str, before: meeting.Origin, origin: str
) -> meeting.Origin:
    """What came of one: 200 alone lets no page in, its origin must be named in the answer."""
    try:
        async with asyncio.timeout(ANSWER_S):
            response = await _opened(client, url, origin)
    except TimeoutError:
        why = f"no answer within {ANSWER_S:g} s"
        return _with(before, None, base.Level.UNKNOWN, "no_answer", why)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        verdict = backend.unheard(error)
        return _with(before, None, verdict.level, verdict.code, verdict.why)
    code = response.status_code
    allowed = response.headers.get("access-control-allow-origin", "")
    if code == 200 and not response.content.startswith(b"0{"):
        return _with(before, code, base.Level.BAD, "no_sockets", "answers, but not as Socket.IO")
    if code == 200 and allowed in ("*", origin):
        return _with(before, code, base.Level.OK, "", "")
    if code in (400, 403) or code == 200:
        why = f"a page of {origin} gets no socket: its origin is not on the allow-list"
        return _with(before, code, base.Level.BAD, "origin_blocked", why)
    why = f"answers {code}: no Socket.IO there"
    return _with(before, code, base.Level.BAD, "no_sockets", why)


async def _opened(client: httpx.AsyncClient, url: str, origin: str) -> httpx.Response:
    """The answer to the handshake; the session that it opened is closed again."""
    headers = {"origin": origin}
    response = await client.get(url + PATH, params=_ASKED, headers=headers)
    if response.status_code == 200 and len(response.content) < _MOST_BYTES:
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
            said = httpx.Response(200, content=response.content[1:]).json()
            params = {**_ASKED, "sid": str(said["sid"])}
            await client.post(url + PATH, params=params, headers=headers, content="1")
    return response


def _with(
    before: meeting.Origin, code: int | None, level: base.Level, verdict: str, why: str
) -> meeting.Origin:
    ok = {base.Level.OK: True, base.Level.UNKNOWN: None}.get(level, False)
    said = base.Verdict(level=level, code=verdict, why=redact.text(why))
    return before.model_copy(update={"status_code": code, "ok": ok, "verdict": said})
