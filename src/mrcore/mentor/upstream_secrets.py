"""A secrets manager, simulated: AWS's GetSecretValue and DescribeSecret as JSON over HTTP.

The console puts values in and never shows one; a version's id tells it apart from another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr
from starlette import requests, responses, routing

from mrcore.mentor import secret

LOG = logging.getLogger("upstreams")

_STAGE = "AWSCURRENT"


@dataclass(frozen=True)
class Version:
    """What a secret holds, since when."""

    id: str
    values: Mapping[str, str] = field(repr=False)
    at: datetime


class Secrets:
    """The development and the production secret, which begin alike."""

    def __init__(self, values: Mapping[str, str], token: SecretStr, at: datetime) -> None:
        self._token = token
        # Long ago: a change from now on is one that the other secret needs, too.
        made = at - timedelta(days=1)
        self._kept = {name: self._version(name, values, made) for name in secret.NAMES}

    def _version(self, name: str, values: Mapping[str, str], at: datetime) -> Version:
        """The id is the same for the same content, so that a restart here makes nobody stale."""
        said = json.dumps([name, dict(sorted(values.items()))]).encode()
        digest = hmac.digest(self._token.get_secret_value().encode(), said, hashlib.sha256)
        return Version(str(uuid.UUID(bytes=digest[:16], version=4)), dict(values), at)

    def routes(self, now: secret.Now) -> list[routing.Route]:
        """The API and the console."""

        async def control(request: requests.Request) -> responses.Response:
            """`{"secret": …, "set": {NAME: value}}` makes a new version of one secret."""
            if request.method == "GET":
                return responses.JSONResponse({n: v.id for n, v in self._kept.items()})
            said = await request.json()
            name, new = said.get("secret"), said.get("set")
            if name not in self._kept or not isinstance(new, dict):
                known = " or ".join(self._kept)
                return _error(
                    400, "InvalidParameterException", f"secret is {known}, set is a table"
                )
            values = {**self._kept[name].values, **{str(k): str(v) for k, v in new.items()}}
            self._kept[name] = self._version(name, values, now())
            LOG.warning("control: %s has version %s", name, self._kept[name].id)
            return responses.JSONResponse({"secret": name, "version": self._kept[name].id})

        return [
            routing.Route("/secrets", self._answer, methods=["POST"]),
            routing.Route("/control/secrets", control, methods=["GET", "POST"]),
        ]

    async def _answer(self, request: requests.Request) -> responses.Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        right = self._token.get_secret_value()
        if not right or not hmac.compare_digest(given.encode(), right.encode()):
            return _error(400, "UnrecognizedClientException", "The token is not valid.")
        name = (await request.json()).get("SecretId")
        kept = self._kept.get(name)
        if kept is None:
            return _error(400, "ResourceNotFoundException", "There is no such secret.")
        action = request.headers.get(secret.TARGET, "").rpartition(".")[2]
        about = {"ARN": f"arn:aws:secretsmanager:local:0:secret:{name}", "Name": name}
        if action == "GetSecretValue":
            value = json.dumps(dict(kept.values))
            more = {"VersionId": kept.id, "VersionStages": [_STAGE], "SecretString": value}
            return responses.JSONResponse({**about, **more, "CreatedDate": kept.at.timestamp()})
        if action == "DescribeSecret":
            stages = {kept.id: [_STAGE]}
            changed = kept.at.timestamp()
            said = {**about, "VersionIdsToStages": stages, "LastChangedDate": changed}
            return responses.JSONResponse(said)
        return _error(400, "UnknownOperationException", "GetSecretValue or DescribeSecret.")


def _error(status: int, kind: str, message: str) -> responses.Response:
    return responses.JSONResponse({"__type": kind, "message": message}, status)
