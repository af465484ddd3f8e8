"""Cases of which `make test` tries some, and `make proof` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def every_second(cases: Iterable[Any]) -> list[Any]:
    """The others, which cost as much and differ little, are proofs; a case may be a tuple."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.proof)
        if number % 2
        else case
        for number, case in enumerate(cases)
    ]
