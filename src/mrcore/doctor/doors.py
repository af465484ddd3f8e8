"""How the core is reached: whether one runs, its socket and group, TCP and its certificate."""

from __future__ import annotations

import asyncio
import getpass
import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mrcore import folder, settings, version
from mrcore.api import server, serving, tls
from mrcore.sources import finding

if TYPE_CHECKING:
    from cryptography import x509

ANSWER_S = 2.0
SOON = timedelta(days=14)

_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: mrcore\r\nConnection: close\r\n\r\n"


async def running(where: folder.StateFolder) -> list[finding.Finding]:
    """Whether a core runs here, answers, and is this release and this user's. Raises nothing."""
    what = "running"
    if not where.locked("core.lock"):
        return [finding.Finding(what, True, f"No core runs for {where.path} now.")]
    about = where.read_json("core.json") or {}
    pid, path, runs = about.get("pid"), str(about.get("socket", "")), about.get("version")
    said = f"The core of {where.path} runs as process {pid}"
    if not await _answers(path):
        return [finding.Finding(what, False, f"{said} and does not answer on {path or 'it'}.")]
    found = [finding.Finding(what, True, f"{said} and answers on {path}.")]
    if runs != version.version():
        sentence = f"It is release {runs}; this is {version.version()}."
        found.append(finding.Finding("release", False, sentence, f"kill {pid}  # and start it"))
    if isinstance(pid, int) and (whose := _user_of(pid)) != getpass.getuser():
        sentence = f"It runs as {whose}: what is said here holds for {getpass.getuser()}."
        fix = f"sudo -u {whose} mrcore doctor --state {where.path}"
        found.append(finding.Finding("user", False, sentence, fix))
    return found


def socket(where: folder.StateFolder, own: settings.Settings) -> list[finding.Finding]:
    """Who may open the socket, and whether they can.

    Raises SettingsError where the core would not start.
    """
    serving.check_socket(own)
    if not own.socket_group:
        who = " and ".join(dict.fromkeys((getpass.getuser(), "root")))
        sentence = f"Only {who} may open its socket, and is admin there."
        return [finding.Finding("socket", True, sentence), *_folder_of(own)]
    gid = server.gid_of(own.socket_group)
    assert gid is not None
    members = _members(gid)
    named = ", ".join(sorted(members)) or "nobody"
    sentence = f"The group {own.socket_group} may open {own.socket}: {named}."
    found = [finding.Finding("socket", True, sentence), *_folder_of(own, gid)]
    user = getpass.getuser()
    if user not in members and os.geteuid() != 0:
        found.append(_joins(user, own.socket_group, "which it gives the socket to"))
    return [*found, *_logins(own, members)]


def listen(
    where: folder.StateFolder, own: settings.Settings, now: Callable[[], datetime]
) -> list[finding.Finding]:
    """Whether the address can be listened on, and how long the certificate is good.

    Raises SettingsError where the core would not start, StackError when the address is taken.
    """
    secured = tls.context(own)
    if not own.listen:
        return [finding.Finding("TCP", True, "It does not listen on TCP.")]
    if not where.locked("core.lock"):
        server.bind_tcp(own.listen, secured=secured is not None).close()
    how = "with TLS" if secured else "on this host only"
    found = [finding.Finding("TCP", True, f"It listens on {own.listen}, {how}.")]
    if secured is not None and own.tls_certificate is not None:
        found += _certificate(own, own.tls_certificate, now())
    return found


async def _answers(path: str) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(_LIVEZ)
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _user_of(pid: int) -> str:
    try:
        return psutil.Process(pid).username()
    except psutil.Error:
        return "somebody else"


def _members(gid: int) -> set[str]:
    """Everybody in a group, also those whose own group it is."""
    own = {user.pw_name for user in pwd.getpwall() if user.pw_gid == gid}
    return own | set(grp.getgrgid(gid).gr_mem)


def _logins(own: settings.Settings, members: set[str]) -> Iterator[finding.Finding]:
    for name, roles in own.logins.items():
        try:
            pwd.getpwnam(name)
        except KeyError:
            sentence = f"logins names {name}, and this host has no such user."
            yield finding.Finding("login", False, sentence, f"useradd -m {name}")
            continue
        if name in members:
            sentence = f"{name} needs no token and is {', '.join(roles)}."
            yield finding.Finding("login", True, sentence)
        else:
            yield _joins(name, own.socket_group, "which may open the socket")


def _joins(name: str, group: str, which: str) -> finding.Finding:
    sentence = f"{name} is not in the group {group}, {which}."
    return finding.Finding("group", False, sentence, f"usermod -aG {group} {name}")


def _folder_of(own: settings.Settings, gid: int | None = None) -> Iterator[finding.Finding]:
    """Whether the folder of a socket that the settings name lets in whom it should."""
    if own.socket is None:
        return
    what, path = "socket's folder", own.socket.parent
    try:
        found = path.stat()
    except OSError as error:
        sentence, make = f"{path}: {error.strerror}.", f"install -d -m 0755 -o {getpass.getuser()}"
        yield finding.Finding(what, False, sentence, f"{make} {path}")
        return
    if not os.access(path, os.W_OK | os.X_OK):
        sentence = f"{getpass.getuser()} may not make a socket in {path}."
        yield finding.Finding(what, False, sentence, f"chown {getpass.getuser()} {path}")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        sentence = f"Anybody may put another socket into {path}."
        yield finding.Finding(what, False, sentence, f"chmod o-w {path}")
    needed = stat.S_IXOTH | (stat.S_IXGRP if gid == found.st_gid else 0)
    if gid is not None and not found.st_mode & needed:
        sentence = f"The group may open the socket and not enter {path}."
        yield finding.Finding(what, False, sentence, f"chmod a+x {path}")


def _certificate(own: settings.Settings, path: Path, now: datetime) -> Iterator[finding.Finding]:
    from cryptography import x509  # a tenth of a second that only TLS needs

    what = "certificate"
    first = x509.load_pem_x509_certificates(path.read_bytes())[0]
    until = first.not_valid_after_utc
    sentence = f"{path} is good until {until:%Y-%m-%d %H:%M} UTC."
    if not first.not_valid_before_utc <= now < until - SOON:
        days = (until - now).days
        sentence = f"{path} is good from {first.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        sentence += f" until {until:%Y-%m-%d %H:%M} UTC ({days} days left): renew it."
        yield finding.Finding(what, False, sentence)
    else:
        yield finding.Finding(what, True, sentence)
    for host in own.hosts:
        if not _names(first, host):
            yield finding.Finding(what, False, f"{path} does not name {host}: clients refuse it.")


def _names(certificate: x509.Certificate, host: str) -> bool:
    """Whether a certificate is of a host (RFC 6125: `*` stands for one label)."""
    from cryptography import x509  # see above

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    names = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    addresses = {str(each) for each in found.get_values_for_type(x509.IPAddress)}
    host = host.lower()
    return bool({host, f"*.{host.partition('.')[2]}"} & names) or host in addresses
