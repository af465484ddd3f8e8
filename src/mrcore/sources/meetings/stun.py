"""Messages of STUN (RFC 5389) and TURN (RFC 5766), as far as a probe and its answer need them.

Pure: bytes in, bytes out. Long-term credentials: the key is MD5(user:realm:password), as the RFC
has it, and MESSAGE-INTEGRITY is HMAC-SHA1 over all that stands before it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH = 0x001, 0x003, 0x004
REQUEST, SUCCESS, ERROR = 0x000, 0x100, 0x110
UDP = b"\x11\0\0\0"
"""REQUESTED-TRANSPORT of a relay for UDP."""

USERNAME, INTEGRITY, ERROR_CODE = 0x0006, 0x0008, 0x0009
LIFETIME, REALM, NONCE = 0x000D, 0x0014, 0x0015
RELAYED, TRANSPORT, MAPPED = 0x0016, 0x0019, 0x0020

ID_BYTES = 12
_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_INTEGRITY_BYTES = 24
_MOST_BYTES = 1500


class Malformed(Exception):
    """Bytes that are no message of STUN."""


@dataclass(frozen=True)
class Message:
    """`method` and `kind` are the constants above; of an attribute that repeats the first counts.

    `signed` is what MESSAGE-INTEGRITY is computed over, None without that attribute.
    """

    method: int
    kind: int
    id: bytes
    attributes: Mapping[int, bytes] = field(default_factory=dict)
    signed: bytes | None = None

    def is_signed_by(self, secret: bytes) -> bool:
        """Whether whoever sent it knows the key."""
        if self.signed is None:
            return False
        right = hmac.digest(secret, self.signed, "sha1")
        return hmac.compare_digest(right, self.attributes[INTEGRITY])

    def text(self, attribute: int) -> str:
        """An attribute that is text; "" without it."""
        return self.attributes.get(attribute, b"").decode("utf-8", "replace")

    def address(self, attribute: int) -> tuple[str, int] | None:
        """An XOR'd address and port; None where there is none."""
        raw = self.attributes.get(attribute, b"")
        if len(raw) not in (8, 20):
            return None
        port = struct.unpack("!H", raw[2:4])[0] ^ (COOKIE >> 16)
        mask = struct.pack("!I", COOKIE) + self.id
        plain = bytes(a ^ b for a, b in zip(raw[4:], mask, strict=False))
        return str(ipaddress.ip_address(plain)), port

    def error(self) -> tuple[int, str]:
        """Code and reason of a refusal; (0, "") without one."""
        raw = self.attributes.get(ERROR_CODE, b"")
        if len(raw) < 4:
            return 0, ""
        return raw[2] * 100 + raw[3], raw[4:].decode("utf-8", "replace")


def key(user: str, realm: str, password: str) -> bytes:
    """The key of long-term credentials."""
    words = f"{user}:{realm}:{password}".encode()
    return hashlib.md5(words, usedforsecurity=False).digest()


def pack(message: Message, secret: bytes | None = None) -> bytes:
    """The bytes of a message, signed where there is a key."""
    body = b"".join(_attribute(kind, raw) for kind, raw in message.attributes.items())
    if secret is None:
        return _head(message, len(body)) + body
    # The length in the signed header counts the signature too.
    signed = _head(message, len(body) + _INTEGRITY_BYTES) + body
    return signed + _attribute(INTEGRITY, hmac.digest(secret, signed, "sha1"))


def unpack(raw: bytes) -> Message:
    """The message in these bytes. Raises Malformed."""
    if not _HEAD.size <= len(raw) <= _MOST_BYTES:
        raise Malformed(f"{len(raw)} bytes")
    said, length, cookie, own = _HEAD.unpack_from(raw)
    if cookie != COOKIE or said & 0xC000 or length % 4 or len(raw) != _HEAD.size + length:
        raise Malformed("not the header of a message")
    found: dict[int, bytes] = {}
    signed, at = None, _HEAD.size
    while at < len(raw):
        kind, size = _ATTRIBUTE.unpack_from(raw, at)
        value = raw[at + 4 : at + 4 + size]
        if len(value) != size:
            raise Malformed("an attribute is longer than its message")
        if kind == INTEGRITY and signed is None:
            if size != _INTEGRITY_BYTES - 4:
                raise Malformed("a signature of another length")
            length = at - _HEAD.size + _INTEGRITY_BYTES
            signed = raw[:2] + struct.pack("!H", length) + raw[4:at]
        found.setdefault(kind, value)
        at += 4 + size + -size % 4
    return Message(said & ~0x110, said & 0x110, own, found, signed)


def address(host: str, port: int, own: bytes) -> bytes:
    """The value of an XOR'd address attribute, of a message with this id."""
    plain = ipaddress.ip_address(host)
    mask = struct.pack("!I", COOKIE) + own
    hidden = bytes(a ^ b for a, b in zip(plain.packed, mask, strict=False))
    family = 1 if plain.version == 4 else 2
    return struct.pack("!HH", family, port ^ (COOKIE >> 16)) + hidden


def refusal(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE."""
    return bytes((0, 0, code // 100, code % 100)) + reason.encode()


def _head(message: Message, length: int) -> bytes:
    return _HEAD.pack(message.method | message.kind, length, COOKIE, message.id)


def _attribute(kind: int, raw: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(raw)) + raw + b"\0" * (-len(raw) % 4)
