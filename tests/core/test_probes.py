"""What a mail server answers, or that it does not, as a probe tells it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from mrcore.sources.upstreams import probes

GREETING = "220 mail.example.org"
FEATURES = "250-mail.example.org\r\n250 AUTH PLAIN"


async def asked(*answers: str) -> probes.Answer:
    """The probe of a server that answers so, one line after the other, and ends then."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            writer.write(f"{answer}\r\n".encode())
            await reader.readline()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        where = f"smtp://127.0.0.1:{port}"
        question = probes.Asked("smtp", where, (), {}, "us@example.org", "secret", 235)
        async with httpx.AsyncClient() as client:
            return await probes.ask(question, client, 30.0)


@pytest.mark.parametrize(
    ("answers", "status_code", "auth_ok", "code"),
    [
        (("421 try again later",), 421, None, "error"),
        ((GREETING, FEATURES, "454 4.7.0 temporary failure"), 454, None, "error"),
        ((GREETING, FEATURES, "535 5.7.8 no"), 535, False, "535"),
        ((GREETING, FEATURES, "534 5.7.9 app password"), 534, False, "534"),
        ((GREETING, FEATURES, "235 2.7.0 welcome"), 235, True, ""),
        ((), None, None, "unreachable"),
    ],
)
async def test_a_mail_server_that_refuses_or_is_away_says_so(
    answers: tuple[str, ...], status_code: int | None, auth_ok: bool | None, code: str
) -> None:
    found = await asked(*answers)
    assert (found.status_code, found.auth_ok, found.verdict.code) == (status_code, auth_ok, code)
