"""Passwords: argon2id, computed beside the event loop and two at a time."""

from __future__ import annotations

import asyncio

import argon2
from argon2 import exceptions

_AT_ONCE = 2
"""A hash takes tens of milliseconds and 64 MiB; a crowd at the door must not take the memory."""


class Passwords:
    """Checks and makes the hashes of one process."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = ""

    async def make(self, password: str) -> str:
        """The hash of a password."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, kept: str | None, password: str) -> bool:
        """Whether it is the right one; for nobody (None) it takes as long to say no."""
        if kept is None:
            self._nobodys = self._nobodys or await self.make("nobody's")
        async with self._room:
            right = await asyncio.to_thread(self._verify, kept or self._nobodys, password)
        return right and kept is not None

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (exceptions.VerifyMismatchError, exceptions.InvalidHashError):
            return False

    def is_weak(self, kept: str) -> bool:
        """Whether a hash was made with less effort than one takes today."""
        return self._hasher.check_needs_rehash(kept)
