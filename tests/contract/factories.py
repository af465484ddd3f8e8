"""Which rig stands behind each kind of source; a kind without one fails the suite."""

from __future__ import annotations

from mrcore import catalogue
from mrcore.model import base
from tests.contract import (
    rig,
    rig_backend,
    rig_deploy,
    rig_huey,
    rig_logs,
    rig_pg,
    rig_redis,
    rig_stack,
)

RIGS: dict[str, type[rig.Rig]] = {
    factory.kind: factory
    for factory in (
        rig_pg.Pg,
        rig_redis.Redis,
        rig_huey.Huey,
        rig_logs.Logs,
        rig_backend.Backend,
        rig_deploy.Deploy,
        rig_stack.Stack,
    )
}

DEEDS: list[tuple[str, base.ActionId]] = [
    (kind, action) for kind, factory in RIGS.items() for action in factory.acts
]
"""Every kind with each of its actions: what the suites of acting are parametrised over."""

_OF_THE_CORE = {"environment", "arming", "plan", "operation", "token"}
WANTED = {
    action.id
    for action in catalogue.ACTIONS.values()
    if not action.reveals and action.kind not in _OF_THE_CORE
}
"""Actions of the catalogue that change a watched thing; the core's own have their own tests."""
