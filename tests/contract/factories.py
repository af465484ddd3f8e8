"""Which rig stands behind each kind of source; a kind without one fails the suite."""

from __future__ import annotations

from mrcore import catalogue
from mrcore.model import base
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
        rig_deploy.Deploy,
        rig_stack.Stack,
        rig_host.Host,
        rig_upstreams.Upstreams,
        rig_core.Core,
    )
}

DEEDS: list[tuple[str, base.ActionId]] = [
    (kind, action) for kind, factory in RIGS.items() for action in factory.acts
]
"""Every kind with each of its actions: what the suites of acting are parametrised over."""

WANTED = {
    action.id
    for action in catalogue.ACTIONS.values()
    if not action.reveals and action.kind != "operation"
}
"""Actions of the catalogue that change something; those on operations are the door's own."""
