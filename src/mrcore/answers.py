"""What a core answered: a type, or the error that the core met, as the same class."""

from __future__ import annotations

import functools
import json
from typing import TypeVar

import httpx
import pydantic

from mrcore import errors
from mrcore.model import wire

T = TypeVar("T", bound=pydantic.BaseModel)


def read(kind: type[T], response: httpx.Response) -> T:
    """The answer as a type.

    Raises the error that the core met.
    """
    if response.is_error:
        raise error_of(response)
    return kind.model_validate_json(response.content)


def error_of(response: httpx.Response) -> errors.MrError:
    """The error that the core met; one of an unknown code is a plain MrError."""
    try:
        problem = wire.Problem.model_validate(json.loads(response.content))
    except ValueError:
        return errors.CoreUnreachable(f"The core answered {response.status_code} without a word.")
    return error_from(problem)


def error_from(problem: wire.Problem) -> errors.MrError:
    """A problem as the class that the core raised."""
    if problem.code == "validation":
        return errors.BadRequest(problem.detail, fix=problem.fix)
    kind = classes().get(problem.code, errors.MrError)
    return kind(problem.detail, fix=problem.fix)


@functools.cache
def classes() -> dict[str, type[errors.MrError]]:
    """Error classes by their code."""
    found: dict[str, type[errors.MrError]] = {}
    waiting: list[type[errors.MrError]] = [errors.MrError]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.code, kind)  # a source's own subclass shares its parent's code
        waiting += kind.__subclasses__()
    return found
