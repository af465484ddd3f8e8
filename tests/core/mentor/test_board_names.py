"""What a queue is called on the board, and what the board's own shapes make of odd facts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mrcore.mentor.board import names, page, shapes
from mrcore.model import base, core, queue, ref, wire

AT = datetime(2026, 11, 20, tzinfo=UTC)


def a_queue(source: str, name: str, engine: str = "", **more: object) -> queue.Queue:
    return queue.Queue(
        ref=ref.make(source, "queue", name), engine=engine or source, name=name, **more
    )


def known(*entities: base.Entity) -> names.Names:
    """Of a snapshot to which those sources have come that have entities in it."""
    by_source: dict[str, list[base.Entity]] = {}
    for entity in entities:
        by_source.setdefault(ref.source_of(entity.ref), []).append(entity)
    sources = tuple(
        wire.Changed(source=name, at=AT, upserts=tuple(found)) for name, found in by_source.items()
    )
    return names.Names(wire.Snapshot(at=AT, environment="test", core_version="1", sources=sources))


def test_names_are_unique_over_engines_and_sources() -> None:
    queues = [
        a_queue("huey", "mail"),
        a_queue("rq", "mail"),
        a_queue("one", "mail", "bullmq"),
        a_queue("two", "mail", "bullmq"),
        a_queue("rq", "only"),
        a_queue("two", "rq:mail", "bullmq"),
    ]
    found = names.unique(queues)
    assert {name: q.ref for name, q in found.items()} == {
        "mail": "huey/queue/mail",
        "bullmq:mail": "one/queue/mail",
        "two:mail": "two/queue/mail",
        "rq:mail": "two/queue/rq%3Amail",
        "rq/queue/mail": "rq/queue/mail",
        "only": "rq/queue/only",
    }
    assert list(found.values()) == queues


def test_a_name_never_means_another_engines_queue_while_one_is_unseen() -> None:
    waiting = core.SourceStatus(
        ref="core/source/huey", name="huey", source_kind="huey", interval_s=1, deadline_s=1
    )
    mails = a_queue("rq", "mail")
    assert list(known(waiting, mails).listed) == ["rq:mail"]
    other = a_queue("huey", "other")
    assert list(known(waiting, mails, other).listed) == ["mail", "other"]
    assert list(known(waiting, mails, a_queue("huey", "mail")).listed) == ["rq:mail", "mail"]


def test_a_hidden_queue_is_not_found_and_still_keeps_its_name() -> None:
    board = known(a_queue("huey", "mail"), a_queue("rq", "mail", listed=False))
    assert list(board.listed) == ["mail"]
    assert list(board.unlisted) == ["rq:mail"]


def test_a_board_does_not_show_itself() -> None:
    watched = core.SourceStatus(
        ref="core/source/board", name="board", source_kind="bullboard", interval_s=1, deadline_s=1
    )
    board = known(watched, a_queue("board", "mail", "bullmq"), a_queue("huey", "mail"))
    assert list(board.listed) == ["mail"]


def test_the_page_escapes_what_is_not_ours() -> None:
    board = known(
        a_queue("huey", "<script>", verdict=base.Verdict(why="<b>")),
        a_queue("huey", "<i>", listed=False),
    )
    shown = page.counts(board, "<prod>")
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "Not on this board: &lt;i&gt;" in shown
    assert "<b>" not in shown
    assert "&lt;prod&gt;" in shown


@pytest.mark.parametrize(
    ("declared", "interval_s", "shown"),
    [
        ("every 15 min", 900.0, {"every": 900_000}),
        (
            "59 23 * * * Asia/Kolkata",
            86_400.0,
            {"pattern": "59 23 * * *", "tz": "Asia/Kolkata"},
        ),
        ("0 3 * * *", None, {"pattern": "0 3 * * *"}),
    ],
)
def test_a_schedule_has_a_pattern_or_an_interval(
    declared: str, interval_s: float | None, shown: dict[str, object]
) -> None:
    one = queue.Schedule(
        ref="huey/schedule/a%2Fb",
        engine="huey",
        name="a/b",
        queue="mail",
        declared=declared,
        interval_s=interval_s,
    )
    made = shapes.schedule(one, "mail")
    assert {k: made[k] for k in ("pattern", "tz", "every") if k in made} == shown
    assert made["id"] == "a/b"


def test_a_flow_is_told_from_its_root() -> None:
    job = queue.Job(
        ref="huey/job/mail/2", engine="huey", queue="mail", id="2", name="b", state="active"
    )
    fields = (
        wire.Field(name="parent", value="the a waiting_children", ref="huey/job/mail/1"),
        wire.Field(name="this", value="b active", ref=job.ref),
        wire.Field(name="child 1", value="c completed", ref="huey/job/other/3"),
        wire.Field(name="child 2", value="d gone", ref="huey/job/other/4"),
        wire.Field(name="then 1", value="e not enqueued"),
    )
    sections = (wire.Section(id="flow", title="Flow", fields=fields),)
    called = {"huey/queue/mail": "huey:mail"}
    whole = shapes.flow(job, sections, called, own_root=False)
    root = whole["flowRoot"]
    assert isinstance(root, dict)
    assert (root["id"], root["name"], root["state"]) == ("1", "the a", "waiting-children")
    assert root["queueName"] == "huey:mail"
    (own,) = root["children"]
    assert own["dependencies"] == {"processed": 1, "unprocessed": 1, "ignored": 0, "failed": 0}
    assert [(c["id"], c["state"], c["queueName"]) for c in own["children"]] == [
        ("3", "completed", "other"),
        ("4", "unknown", "other"),
    ]
    alone = shapes.flow(job, sections, called, own_root=True)["flowRoot"]
    assert alone == own


def test_rates_are_counts_a_minute_newest_first() -> None:
    points = ((AT, 0.5), (AT.replace(minute=1), 1.0))
    series = wire.Series(metric="queue.out_rate", ref="a/b/c", step_s=60, points=points)
    made = shapes.metrics(series)
    assert made is not None
    assert made["data"] == [60, 30]
    assert made["meta"] == {"count": 90, "prevTS": 1795132860000, "prevCount": 60}
    empty = series.model_copy(update={"points": ()})
    assert shapes.metrics(empty) is None
