"""The source `host`: disks, memory, a clock that is moved, certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mrcore import sources
from mrcore.model import base, host, wire
from mrcore.sources import host as source
from tests import waiting

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(folder: Path, *, days: float, since: datetime = NOW) -> Path:
    """A PEM file with its key, valid for so many days from then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mentor.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since - timedelta(days=90))
        .not_valid_after(since + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{days:g}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def at(instant: datetime) -> Callable[[], datetime]:
    return lambda: instant


async def rows(found: source.HostSource) -> list[host.Certificate]:
    sample = await found.sample()
    return [e for e in sample.entities if isinstance(e, host.Certificate)]


async def test_a_sample_has_the_machine_and_its_disks(tmp_path: Path) -> None:
    paths = {"state": str(tmp_path), "gone": str(tmp_path / "gone")}
    async with sources.build("host", {"paths": paths})[0] as found:
        sample = await found.sample()
        kinds = [entity.kind for entity in sample.entities]
        assert kinds == ["host", "disk", "disk"]
        by_ref = {entity.ref: entity for entity in sample.entities}
        assert by_ref["host/disk/gone"].verdict.code == "no_path"
        assert by_ref["host/disk/gone"].verdict.level == "unknown"
        values = {(p.metric, p.ref): p.value for p in sample.points}
        assert 0 < values["disk.used", "host/disk/state"] <= 100
        assert values["disk.free_bytes", "host/disk/state"] > 0
        assert 0 < values["host.memory", "host/host/self"] < 100
        detail = await found.detail("host/disk/state")
        assert isinstance(detail, wire.Detail)
        assert detail.entity.ref == "host/disk/state"


async def test_paths_on_one_file_system_are_one_disk(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    paths = {"state": tmp_path, "logs": tmp_path / "logs", "processes": Path("/proc")}
    async with source.HostSource("host", source.Settings(paths=paths), now=at(NOW)) as found:
        disks = [e for e in (await found.sample()).entities if isinstance(e, host.Disk)]
    assert {disk.name: disk.holds for disk in disks} == {
        "state": ("state", "logs"),
        "processes": ("processes",),
    }


@pytest.mark.parametrize(
    ("used", "inodes", "level", "of"),
    [
        (50.0, None, "ok", ""),
        (91.0, 5.0, "warn", "space"),
        (96.0, 5.0, "bad", "space"),
        (5.0, 99.0, "bad", "files"),
    ],
)
def test_a_disk_is_full_of_bytes_or_of_files(
    used: float, inodes: float | None, level: str, of: str
) -> None:
    verdict = source.judge(source.Space(100, 1, used, inodes))
    assert verdict.level == level
    assert of in verdict.why


async def test_a_wall_clock_that_is_moved_is_told() -> None:
    wall, ticks = NOW, 100.0
    settings = source.Settings(paths={})
    found = source.HostSource("host", settings, now=lambda: wall, monotonic=lambda: ticks)
    async with found:

        async def seen() -> host.Host:
            entity = (await found.sample()).entities[0]
            assert isinstance(entity, host.Host)
            return entity

        assert (await seen()).clock_jumped_at is None
        wall, ticks = wall + timedelta(seconds=5), ticks + 5.5
        assert (await seen()).clock_jumped_at is None
        wall, ticks = wall - timedelta(seconds=85), ticks + 5
        moved = await seen()
        assert (moved.clock_jumped_at, moved.clock_jump_s) == (wall, -90.0)


@pytest.mark.parametrize(
    ("days", "code", "level"),
    [(60, "", "ok"), (20, "expires", "warn"), (2, "expires", "bad"), (-1, "expired", "bad")],
)
async def test_a_certificate_in_a_file(tmp_path: Path, days: int, code: str, level: str) -> None:
    path = certificate(tmp_path, days=days)
    settings = source.Settings(paths={}, certificates=(str(path), str(tmp_path / "none")))
    async with source.HostSource("host", settings, now=at(NOW)) as found:

        async def known() -> bool:
            return any(row.expires_at for row in await rows(found))

        await waiting.until(known)
        row, none = await rows(found)
        assert row.expires_at == NOW + timedelta(days=days)
        assert (row.verdict.code, row.verdict.level) == (code, level)
        assert row.subject == "CN=mentor.test"
        assert none.verdict.level is base.Level.UNKNOWN


async def test_a_certificate_that_is_served_need_not_be_trusted(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path, days=9, since=datetime.now(UTC)))

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = source.Settings(paths={}, certificates=(f"127.0.0.1:{port}",))
        async with source.HostSource("host", settings, now=lambda: datetime.now(UTC)) as found:

            async def warned() -> bool:
                return [row.verdict.code for row in await rows(found)] == ["expires"]

            await waiting.until(warned)
