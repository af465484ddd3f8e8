"""Which rig stands behind each kind of source; a kind without one fails the suite."""

from __future__ import annotations

from tests.contract import rig, rig_backend, rig_huey, rig_logs, rig_pg, rig_redis, rig_stack

RIGS: dict[str, type[rig.Rig]] = {
    factory.kind: factory
    for factory in (
        rig_pg.Pg,
        rig_redis.Redis,
        rig_huey.Huey,
        rig_logs.Logs,
        rig_backend.Backend,
        rig_stack.Stack,
    )
}
