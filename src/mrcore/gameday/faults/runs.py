"""What a person begins who was told of something by people, and by no alert."""

from __future__ import annotations

from mrcore import client
from mrcore.gameday.faults import base
from mrcore.model import plans
from mrcore.model import ref as refs


class Begun(base.Fault):
    """Somebody complains: the on-call begins a runbook. Breaks nothing."""

    runbook: str
    subject: str = ""

    async def inject(self, stage: base.Stage, memo: base.Memo) -> None:
        chosen = plans.Selection(refs=(refs.make("core", "runbook", self.runbook),))
        args: plans.Args = {"subject": self.subject} if self.subject else {}
        async with client.CoreClient.at(state=stage.arena.state.path) as core:
            plan = await core.plan("runbook.start", chosen, args)
            await core.apply(plan.plan_id, reason="game day", confirm=plan.confirm)
