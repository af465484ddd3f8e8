"""What the board refuses, in Bull Board's form: `{"error": {"key": "ERRORS.X"}, "message": …}`."""

from __future__ import annotations

from pydantic import JsonValue

from mrcore import errors


class Problem(Exception):
    """An answer that is no success: `key` is one of Bull Board's, `message` a sentence."""

    def __init__(
        self,
        status: int,
        key: str,
        message: JsonValue = None,
        *,
        options: dict[str, JsonValue] | None = None,
        **more: JsonValue,
    ) -> None:
        super().__init__(key)
        self.status = status
        self.body = body(key, message, options=options, **more)


def body(
    key: str,
    message: JsonValue = None,
    *,
    options: dict[str, JsonValue] | None = None,
    **more: JsonValue,
) -> dict[str, JsonValue]:
    """An error's body; what is None is left out."""
    return {"error": named(key, options), **({"message": message} if message else {}), **more}


def named(key: str, options: dict[str, JsonValue] | None = None) -> dict[str, JsonValue]:
    """A sentence by its key, as the client translates it."""
    return {"key": f"ERRORS.{key}", **({"options": options} if options else {})}


def invalid(field: str, message: str = "") -> Problem:
    """A value of the query that is not allowed."""
    options: dict[str, JsonValue] = {"field": field}
    return Problem(400, "INVALID_QUERY_PARAM", message, options=options, code="INVALID_REQUEST")


def of(error: errors.MrError) -> Problem:
    """What the core, or the way to it, says.

    The backend's own token is no concern of who asks here: a 401 would make a browser ask again.
    """
    if isinstance(error, errors.Unauthenticated):
        said = f"The core does not take the token of this backend. {error.fix}".rstrip()
        return Problem(503, "INTERNAL_SERVER_ERROR", said)
    if isinstance(error, errors.CoreUnreachable):
        return Problem(503, "INTERNAL_SERVER_ERROR", str(error))
    key = "FORBIDDEN" if error.status == 403 else "INTERNAL_SERVER_ERROR"
    return Problem(error.status, key, str(error), code=error.code.upper())
