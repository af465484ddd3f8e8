"""Which rig stands behind each kind of source; a kind without one fails the suite."""

from __future__ import annotations

import pytest

from mrcore import catalogue
from tests.contract import (
    rig,
    rig_backend,
    rig_bullboard,
    rig_bullmq,
    rig_core,
    rig_deploy,
    rig_host,
    rig_huey,
    rig_logs,
    rig_meetings,
    rig_pg,
    rig_redis,
    rig_rq,
    rig_slots,
    rig_stack,
    rig_upstreams,
)

RIGS: dict[str, type[rig.Rig]] = {
    factory.kind: factory
    for factory in (
        rig_pg.Pg,
        rig_redis.Redis,
        rig_huey.Huey,
        rig_bullmq.BullMQ,
        rig_rq.Rq,
        rig_bullboard.BullBoard,
        rig_logs.Logs,
        rig_meetings.Meetings,
        rig_backend.Backend,
        rig_slots.Slots,
        rig_deploy.Deploy,
        rig_stack.Stack,
        rig_host.Host,
        rig_upstreams.Upstreams,
        rig_core.Core,
    )
}


def _marks(kind: str) -> list[pytest.MarkDecorator]:
    """All of a kind's tests are run by one worker, which makes its rig once for each module."""
    return [pytest.mark.xdist_group(f"rig-{kind}")]


KINDS = [pytest.param(kind, marks=_marks(kind)) for kind in sorted(RIGS)]

DRIVEN = {action for factory in RIGS.values() for action in factory.acts}

_DEEDS = [
    pytest.param(kind, action, marks=_marks(kind))
    for kind, factory in RIGS.items()
    for action in factory.acts
]

each_deed = pytest.mark.parametrize(("here", "action"), _DEEDS, indirect=["here"], scope="module")
"""Every kind with each of its actions: what the suites of acting are parametrised over.

Of module scope, so that all of a kind's tests come one after the other and share its rig.
"""

WANTED = {
    action.id
    for action in catalogue.ACTIONS.values()
    if not action.reveals and action.kind != "operation"
}
"""Actions of the catalogue that change something; those on operations are the door's own."""
