"""Every error as `application/problem+json` (RFC 9457) with a stable code."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, exceptions
from fastapi.openapi import utils
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mrcore import errors, redact
from mrcore.model import wire

MEDIA_TYPE = "application/problem+json"
DECLARED = (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 507)

_ROUTING = {404: "no_route", 405: "method_not_allowed"}


def response(
    status: int, code: str, detail: str, *, fix: str = "", headers: dict[str, str] | None = None
) -> Response:
    """One problem; `code` is what programs read, `detail` what people do."""
    body = wire.Problem(
        title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, fix=fix
    )
    return Response(body.model_dump_json(), status, headers=headers, media_type=MEDIA_TYPE)


def of_error(error: errors.MrError) -> Response:
    """The problem of one of our errors."""
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, errors.TooMany) and error.retry_after_s:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return response(
        error.status, error.code, redact.text(error.sentence), fix=error.fix, headers=headers
    )


def of_defect(error: Exception) -> Response:
    """The problem of an error that is not one of ours; its text may hold secrets."""
    detail = f"The core broke with {type(error).__name__}: a defect; the core's log has it."
    return response(500, "defect", detail)


def handle(app: FastAPI) -> None:
    """Make every error of ours in an app a problem, also those of routing and validation."""
    app.add_exception_handler(errors.MrError, _ours)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(exceptions.RequestValidationError, _validation)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.MrError)
    return of_error(error)


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    code = _ROUTING.get(error.status_code, "http")
    detail = f"{error.detail}: {request.method} {request.url.path}."
    return response(error.status_code, code, detail, headers=headers)


async def _validation(request: Request, error: Exception) -> Response:
    """Which fields are wrong, and how; never their values, which may be secret."""
    assert isinstance(error, exceptions.RequestValidationError)
    parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return response(422, "validation", f"The request is wrong: {'; '.join(parts)}.")


def declare(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI of an app, every operation with the problems that it may answer."""
    if app.openapi_schema is None:
        schema = utils.get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = wire.Problem.model_json_schema()
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status in DECLARED:
                    described = {"description": HTTPStatus(status).phrase, "content": content}
                    operation["responses"][str(status)] = described
        app.openapi_schema = schema
    return app.openapi_schema
