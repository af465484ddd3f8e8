"""Refs that people paste."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrcore.model import ref


@pytest.mark.parametrize(
    "pasted",
    [
        "mr://huey/job/emailQueue/81",
        "huey/job/emailQueue/81",
        "  mr://huey/job/emailQueue/81\n",
        "\r\n\tmr://huey/job/emailQueue/81\r\n",
        '"mr://huey/job/emailQueue/81"',
        "'huey/job/emailQueue/81'",
        "`mr://huey/job/emailQueue/81`,",
        "<mr://huey/job/emailQueue/81>",
        "(mr://huey/job/emailQueue/81);",
        "look at mr://huey/job/emailQueue/81 please",
        "mr://huey/job/email\nQueue/81",
        "mr://huey/job/emailQueue/81\nmr://huey/job/emailQueue/82",
        "mr://huey/job/emailQueue/81 mr://huey/job/emailQueue/82",
    ],
)
def test_a_pasted_ref_is_found_whatever_stands_around_it(pasted: str) -> None:
    assert ref.pasted(pasted) == "huey/job/emailQueue/81"


@pytest.mark.parametrize("pasted", ["", " \n", "mr://", '""', "mr:// x"])
def test_what_is_no_ref_is_none(pasted: str) -> None:
    with pytest.raises(ValueError, match="is not a ref"):
        ref.parse(ref.pasted(pasted))


@given(
    parts=st.lists(st.text(min_size=1) | st.binary(min_size=1), min_size=1, max_size=3),
    before=st.sampled_from(["", " ", "\n", '"', "see ", "<", "('"]),
    after=st.sampled_from(["", " ", "\r\n", '"', " and so on", ">", "'),"]),
)
def test_every_ref_survives_being_pasted(parts: list[str | bytes], before: str, after: str) -> None:
    try:
        made = ref.make("huey", "job", *parts)
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    assert ref.pasted(f"{before}{ref.url(made)}{after}") == made
