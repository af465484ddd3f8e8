"""Names of keys that are not deleted here, and of those whose loss is more than a value's."""

from __future__ import annotations

TRASH = b"mr:trash:"
CANARY = b"mr:canary:"
KEEP_MS = 24 * 3_600_000
"""How long a deleted key lies in the trash: as long as it can be undone."""

_OURS = (
    (TRASH, "it is in the trash already: undo the operation that deleted it"),
    (CANARY, "it is a health check's, which writes it again"),
    (b"mr:schedule", "it belongs to the scheduler"),
)
_JOURNAL = "it belongs to the huey journal; use job.remove"

_QUEUES = (b"bull:", b"huey.redis.", b"huey.schedule.", b"huey.results.", b"rq:")


def refusal(name: bytes, journals: tuple[bytes, ...]) -> str:
    """Why a key is never deleted; '' for any other. `journals` are the prefixes of huey's."""
    if any(name.startswith(prefix + b":") for prefix in journals):
        return _JOURNAL
    return next((why for prefix, why in _OURS if name.startswith(prefix)), "")


def is_queue(name: bytes) -> bool:
    """Whether a queue of a known engine keeps its jobs in it."""
    return name.startswith(_QUEUES)
