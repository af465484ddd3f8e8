"""What a colour runs: its release, and what is wrong with it, for game days.

A file (MR_RELEASE_FILE, read at start) is what a deployment leaves there: `{"release": "2.1.0"}`,
and for a bad one `"fails": "health"` (503) or `"requests"` (500), `"after_s"` after its start.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette import responses, types

from mrcore import errors

LOG = logging.getLogger("release")

HEALTH, REQUESTS = "health", "requests"
_HEALTH_PATH = "/api/health"
_OF_ITSELF = (_HEALTH_PATH, "/api/preflight")
"""What a colour is asked of itself, also without traffic: no request of anybody."""

_ANSWERS = {
    HEALTH: (503, "Service unavailable"),
    REQUESTS: (500, "Internal server error"),
}


@dataclass(frozen=True)
class Release:
    """`fails` is "" for a good one; a bad one turns so `after_s` after its start."""

    name: str
    fails: str = ""
    after_s: float = 0.0

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Release:
        """By MR_RELEASE_FILE where there is that file, else by MR_RELEASE.

        Raises SettingsError for a file that is not as it should be.
        """
        path = env.get("MR_RELEASE_FILE", "")
        if not path or not Path(path).exists():
            return cls(env.get("MR_RELEASE") or "local")
        try:
            said = json.loads(Path(path).read_text())
            made = cls(
                str(said["release"]), str(said.get("fails", "")), float(said.get("after_s", 0))
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise errors.SettingsError(f"{path} is no release: {error}.") from None
        if made.fails not in ("", *_ANSWERS):
            raise errors.SettingsError(
                f"{path} says that it fails by {made.fails!r}.", fix="Use health or requests."
            )
        return made


class Middleware:
    """Answers as a bad release does, once it has turned bad."""

    def __init__(
        self, app: types.ASGIApp, release: Release, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._release = release
        self._clock = clock
        self._bad_at = clock() + release.after_s

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        path = scope.get("path")
        by_health = self._release.fails == HEALTH
        meant = path == _HEALTH_PATH if by_health else path not in _OF_ITSELF
        if scope["type"] != "http" or not meant or self._clock() < self._bad_at:
            await self._app(scope, receive, send)
            return
        code, message = _ANSWERS[self._release.fails]
        LOG.error("%s answers %d: release %s", scope["path"], code, self._release.name)
        body = {
            "success": False,
            "status": "OK",
            "message": message,
            "release": self._release.name,
        }
        await responses.JSONResponse(body, code)(scope, receive, send)
