"""How a claim ends: finished, to be retried by huey, or put back. Each is one step in Redis."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import redis

from mrcore.journal import claims, ghosts, projection, scripts, writer

FAILURES = ("failed", "retry")


class Endings:
    """Writes down how the claims of one queue end; `keep` is how many of a state stay."""

    def __init__(self, pen: writer.Writer, keep: Mapping[str, int | None]) -> None:
        self.pen = pen
        self.keep = keep

    def requeue(
        self, claim: claims.Claim, data: bytes, score: str, due: str, stopping: threading.Event
    ) -> None:
        """huey's own retry: the attempt ends and the job waits again."""
        attempt = claim.attempt(self.pen.ended_s(claim))
        rest = (claim.worker, claim.message, claim.n, attempt.dump(), data, score, due)
        more = (*rest, "", "error", attempt.error)
        reply = self.pen.insist(stopping, "requeue", claim.id, *more, ended_s=attempt.ended_at)
        _end(claim, reply, "delayed" if score else "waiting", attempt.outcome)

    def settle(self, claim: claims.Claim, stopping: threading.Event) -> None:
        """huey is through with it: it goes where its outcome says."""
        if isinstance(claim.error, redis.RedisError) and not claim.executing:
            self.put_back(claim)  # Redis went away before the job began
        else:
            self.finish(claim, stopping)

    def finish(self, claim: claims.Claim, stopping: threading.Event) -> None:
        """The job is over, for good or until somebody retries it."""
        attempt = claim.attempt(self.pen.ended_s(claim))
        failed = attempt.outcome in FAILURES
        state = "failed" if failed else "completed"
        keep = self.keep[state]
        fields: dict[str, scripts.Value | None] = {
            "outcome": attempt.outcome,
            "error": attempt.error or None,
            "message": self._as_at_first(claim) if failed else None,
            "result": None if failed else projection.dump(claim.value, projection.RESULT_LIMIT),
        }
        rest = (claim.worker, claim.message, claim.n, attempt.dump(), state)
        end = ("" if keep is None else keep, *scripts.flat(fields))
        more = (*rest, *end)
        reply = self.pen.insist(stopping, "finish", claim.id, *more, ended_s=attempt.ended_at)
        _end(claim, reply, state, attempt.outcome)

    def _as_at_first(self, claim: claims.Claim) -> bytes:
        """The message for a retry: retries as at first, due at once."""
        try:
            first = self.pen.read(claim.message)
            again = first._replace(
                retries=claim.retries,
                retry_delay=claim.retry_delay,
                eta=None,
                expires_resolved=None,
            )
            return bytes(self.pen.huey.serializer.serialize(again))
        except Exception:  # it could not be read when it was claimed either: kept as it came
            return claim.message

    def put_back(self, claim: claims.Claim) -> None:
        """Give an unfinished job back, to be taken next; one that has ended is let be.

        Raises redis.RedisError.
        """
        if claim.ended is not None:
            return
        claim.signal = "interrupted"
        became = self.give_back(claim.worker, claim.message, "interrupted", claim.n)
        _end(claim, became, "waiting", "interrupted")

    def give_back(self, worker: str, message: bytes, outcome: str, n: int | None = None) -> str:
        """A message out of `worker`'s hands, to be taken next; `n`: the attempt, if one has begun.

        Raises redis.RedisError.
        """
        queue, pen = self.pen.place.queue, self.pen
        restored = ghosts.restore(
            pen.conn, queue.root, worker, queue.name, message, outcome, pen.now, n=n
        )
        return restored.became


def _end(claim: claims.Claim, reply: object, state: str, outcome: str) -> None:
    done = reply in (b"done", "done")
    claim.ended = claims.Ended(state if done else "lost", outcome)
