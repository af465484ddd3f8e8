"""What undo needs raw is kept encrypted: Fernet, with a key file that only its owner reads."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from mrcore import errors

if TYPE_CHECKING:
    from cryptography import fernet

NAME = "vault.key"


class Lost(errors.StoreError):
    """What was kept cannot be read any more."""


class Vault:
    """Encrypts and decrypts with the key in `path`, which is made on first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fernet: fernet.Fernet | None = None
        self._lock = threading.Lock()

    def ready(self) -> None:
        """See to it that there is a key.

        Raises StoreError when it cannot be made, or what is there is none.
        """
        self._key()

    def seal(self, value: dict[str, JsonValue]) -> bytes:
        """Encrypt.

        Raises StoreError as `ready` does.
        """
        return self._key().encrypt(json.dumps(value, separators=(",", ":")).encode())

    def open(self, body: bytes) -> dict[str, JsonValue]:
        """Decrypt.

        Raises Lost with the sentence that the undo is lost.
        """
        from cryptography import fernet  # 40 ms that a core's start need not wait for

        if self._fernet is None and not self.path.exists():
            raise Lost(f"The undo is lost: its key {self.path} is missing.")
        try:
            value: dict[str, JsonValue] = json.loads(self._key().decrypt(body))
        except fernet.InvalidToken:
            raise Lost(f"The undo is lost: {self.path} is not the key of it.") from None
        except errors.StoreError as error:
            raise Lost(f"The undo is lost: {error.sentence}") from None
        return value

    def _key(self) -> fernet.Fernet:
        from cryptography import fernet  # see `open`

        with self._lock:
            if self._fernet is None:
                try:
                    if not self.path.exists():
                        _make(self.path, fernet.Fernet.generate_key())
                    self._fernet = fernet.Fernet(self.path.read_bytes())
                except OSError as error:
                    raise errors.StoreError(
                        f"{self.path} cannot be used: {error.strerror}.",
                        fix="Without it no undo can be kept, and what needs one is refused.",
                    ) from error
                except ValueError:
                    raise errors.StoreError(
                        f"{self.path} is not a key.",
                        fix="Move it away; what was kept with it cannot be undone any more.",
                    ) from None
            return self._fernet


def _make(path: Path, key: bytes) -> None:
    """Write a key in one step; one that is there already is left as it is."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(fd)
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
