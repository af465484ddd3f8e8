"""Every code of every diagnosis that ships is played, or tried on written facts alone."""

from __future__ import annotations

import pytest

from mrcore.alerts import rule
from mrcore.gameday import faults, scenario
from mrcore.runbooks import library
from tests.core.runbooks import steps

RULES = rule.read(rule.shipped(), "rules.toml")
PLAYED = {
    (each.runbook, code)
    for each in scenario.shipped(faults.KINDS, RULES).values()
    for code in each.diagnosis
}
CODES = {
    (runbook.id, step.id, verdict.code)
    for runbook in library.load(None).values()
    for step in runbook.steps
    if step.kind == "diagnose"
    for verdict in step.verdicts
    if verdict.code
}

WRITTEN = {
    # a database, a Redis or a backend that is the cause: J, F and H are played for these
    "A.redis.redis", "C.health.unhealthy", "D.health.unhealthy", "F.health.down",
    "H.beneath.redis", "H.database.database",
    # what fails in many kinds at once has a cause elsewhere: a service or Postgres
    "A.failures.failing",
    # a queue that is the cause: A is played for these
    "E.consumers.no_workers", "E.consumers.paused",
    "I.consumers.no_workers", "I.consumers.paused", "I.consumers.failing",
    # swept away, or put right by the next tick, within seconds of their cause
    "A.consumers.ghosts", "E.schedule.missed", "I.schedule.missed",
    "E.schedule.doubled", "E.schedule.interval", "J.write.loading", "C.signalling.no_join",
    # a second grant is impossible by the keys of the schema; what 401 is, E and G are played for
    "D.settled.twice", "D.provider.credentials",
    # how slow is too slow hangs on the machine: what is played there has to be right on any
    "A.consumers.slow", "F.health.pool", "F.health.slow",
    # half an hour between two secrets, four weeks of webhooks: longer than any game day
    "B.secret.forgotten", "D.webhook.unheard",
    # other faults of Redis, of releases and of Exotel: no scenario breaks them so yet
    "J.write.misconf", "J.write.readonly", "J.write.maxclients", "J.write.paused_all",
    "J.write.wedged", "J.memory.evicts", "J.memory.policy",
    "H.live.degraded", "H.preflight.schema", "H.preflight.jobs",
    "G.cluster.down", "G.callbacks.callback",
}  # fmt: skip
"""Codes that no scenario leads to: each has a row of facts in `steps.VERDICTS` that does."""


@pytest.mark.parametrize(("runbook", "step", "code"), sorted(CODES))
def test_a_code_is_played_or_tried_on_written_facts(runbook: str, step: str, code: str) -> None:
    written = f"{runbook}.{step}.{code}" in WRITTEN
    assert written is not ((runbook, code) in PLAYED), "played, or written: one of both"
    assert code in steps.VERDICTS[f"{runbook}.{step}"]


def test_nothing_else_is_played_or_written() -> None:
    assert PLAYED - {(runbook, code) for runbook, _, code in CODES} == set()
    assert WRITTEN - {".".join(each) for each in CODES} == set()
