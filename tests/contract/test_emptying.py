"""`queue.clean` and `queue.drain` mean the same in every engine, and refuse the same."""

from __future__ import annotations

import pytest

from mrcore import errors, sources
from mrcore.model import base, plans, ref

NOWHERE = {
    "huey": "redis://127.0.0.1:1/0",
    "rq": "redis://127.0.0.1:1/0",
    "bullmq": "redis://127.0.0.1:1/0",
    "bullboard": "http://127.0.0.1:1/admin/queues",
}
"""What is wrong is said before anybody is asked."""

WRONG: list[tuple[base.ActionId, plans.Args, str]] = [
    ("queue.clean", {}, "state is completed or failed, not None."),
    ("queue.clean", {"state": "active"}, "state is completed or failed, not 'active'."),
    (
        "queue.clean",
        {"state": "failed", "older_s": "1 h"},
        "older_s is a number of seconds, not '1 h'.",
    ),
    ("queue.clean", {"state": "failed", "older_s": -1}, "older_s is a number of seconds, not -1."),
    (
        "queue.clean",
        {"state": "failed", "older_s": True},
        "older_s is a number of seconds, not True.",
    ),
    ("queue.drain", {"delayed": "yes"}, "delayed is true or false, not 'yes'."),
]


@pytest.mark.parametrize("engine", sorted(NOWHERE))
async def test_every_engine_refuses_the_same_with_the_same_words(engine: str) -> None:
    source, _ = sources.build(engine, {"kind": engine, "url": NOWHERE[engine]})
    selection = plans.Selection(refs=(ref.make(engine, "queue", "emails"),))
    for action, args, why in WRONG:
        with pytest.raises(errors.BadRequest) as caught:
            async for _ in source.plan(action, selection, args, lambda looked, total: None):
                pass
        assert caught.value.sentence == why
