"""Which tests are tried once more."""

from __future__ import annotations

from tests import again


def test_the_group_that_xdist_adds_is_no_part_of_a_test_s_name() -> None:
    recorded = ["tests/a.py::b@stack", "tests/a.py::c[x@y]", "tests/a.py::d[x]@e"]
    assert again.names(recorded) == [
        "tests/a.py::b",
        "tests/a.py::c[x@y]",
        "tests/a.py::d[x]",
    ]
