"""Every error as `application/problem+json` (RFC 9457) with a stable code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, exceptions
from fastapi.openapi import utils
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mrcore import errors, redact
from mrcore.model import wire

MEDIA_TYPE = "application/problem+json"
EVERYWHERE = (403, 408, 413)
"""What the gate may answer on every route."""
WITH_LOGIN = (401, 429, 507)
"""What a route that wants a login may answer: it looks up a token in the ledger."""
ASKING = (400, 404, 502, 503)
"""What a route that asks a source may answer."""

_SCHEMA = "#/components/schemas/Problem"
_ROUTING = {404: "no_route", 405: "method_not_allowed"}


def made(status: int, code: str, detail: str, *, fix: str = "") -> wire.Problem:
    """One problem; `code` is what programs read, `detail` what people do.

    Half a surrogate pair, which no JSON can hold, becomes a question mark.
    """
    return wire.Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=_encodable(detail),
        fix=_encodable(fix),
    )


def of(error: Exception) -> wire.Problem:
    """What is said of an error, redacted; of one that is not ours only its type is safe to say."""
    if isinstance(error, errors.MrError):
        sentence, fix = redact.text(error.sentence), redact.text(error.fix)
        return made(error.status, error.code, sentence, fix=fix)
    detail = f"The core broke with {type(error).__name__}: a defect; the core's log has it."
    return made(500, "defect", detail)


def response(problem: wire.Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as an answer."""
    return Response(
        problem.model_dump_json(), problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def may(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is told for `responses`: the problems that a route or a router may answer."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMA}}},
        }
        for status in statuses
    }


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def handle(app: FastAPI) -> None:
    """Make every error of ours in an app a problem, also those of routing and validation."""
    app.add_exception_handler(errors.MrError, _ours)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(exceptions.RequestValidationError, _validation)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.MrError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, errors.TooMany) and error.retry_after_s:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return response(of(error), headers)


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    code = _ROUTING.get(error.status_code, "http")
    detail = f"{error.detail}: {request.method} {request.url.path}."
    return response(made(error.status_code, code, detail), headers)


async def _validation(request: Request, error: Exception) -> Response:
    """Which fields are wrong, and how; never their values, which may be secret."""
    assert isinstance(error, exceptions.RequestValidationError)
    parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return response(made(422, "validation", f"The request is wrong: {'; '.join(parts)}."))


def declare(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI of an app, every operation with the problems that it may answer.

    500 is none of them: it is a defect wherever it is met.
    """
    if app.openapi_schema is None:
        schema = utils.get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = wire.Problem.model_json_schema()
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        for operations in schema["paths"].values():
            for method, operation in operations.items():
                found = operation["responses"]
                with_body = (415,) if method == "post" else ()
                validated = (422,) if "422" in found else ()  # FastAPI's own way of saying it
                for status, said in may(*EVERYWHERE, *with_body, *validated).items():
                    found[str(status)] = said
        app.openapi_schema = schema
    return app.openapi_schema
