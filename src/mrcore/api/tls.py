"""The certificate by which a core is known over TCP."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from mrcore import errors, settings

_OTHERS = stat.S_IRWXO | stat.S_IWGRP


def context(own: settings.Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the certificate of the settings, None when they name none.

    Raises SettingsError for half a pair, a file that cannot be used, or a key that others may read.
    """
    certificate, key = own.tls_certificate, own.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = "tls_key" if key is None else "tls_certificate"
        raise errors.SettingsError(f"TLS needs a certificate and its key: {missing} is not set.")
    if not own.listen:
        raise errors.SettingsError(
            "tls_certificate is set and listen is not: there is nothing to secure.",
            fix='For example listen = "0.0.0.0:8137".',
        )
    if own.listen.startswith(("0.0.0.0:", "[::]:")) and not own.hosts:
        raise errors.SettingsError(
            f"listen is {own.listen!r} and hosts is empty: nobody could ask this core by its name.",
            fix='For example hosts = ["mrcore.internal"].',
        )
    _check_private(key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An encrypted key would be asked for on the terminal.
        made.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise errors.SettingsError(
            f"The certificate {certificate} with the key {key} cannot be used: {why}.",
            fix="Both are PEM files; the key belongs to the certificate and is not encrypted.",
        ) from error
    return made


def _check_private(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise errors.SettingsError(f"The key {key} cannot be read: {error.strerror}.") from error
    if mode & _OTHERS:
        raise errors.SettingsError(f"Others may read the key {key}.", fix=f"chmod 600 {key}")


def _no_password() -> str:
    raise ValueError("it is encrypted")
