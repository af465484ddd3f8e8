"""A journal for huey over Redis: what runs, what failed and why, and how to run it again.

huey keeps no failed set, no active set, no workers and no enqueue time, and a consumer that is
killed loses the job in its hands. Two lines mend that, in producers and consumers alike:

```python
huey = RedisHuey("emailQueue", connection_pool=pool)   # share one pool between queues
journal.watch(huey, keep_completed=200, keep_failed=5000)
```

Tasks, decorators, retries, delays, pipelines and `huey_consumer` work as before. A consumer
claims a job by BLMOVE into its own list, so the job is always in the queue or in somebody's hands;
the living empty the hands of a dead consumer back into the queue (`mrcore.journal.ghosts`).
The price is at-least-once: a job whose worker died runs again, and its attempts say so.
`huey.immediate`, priorities and other storages are refused with a sentence (`NotSupported`).

    watch(huey, keep_completed=1000, keep_failed=10000, listed=True) -> Journal
    of(huey) -> Journal                          of a watched huey, else watch(huey)
    Journal.claim(timeout_s) -> Claim | None     atomically take the next job (what dequeue uses)
    Journal.run(claim) -> Ended                  run it and write down how it ended
    Journal.move_due() -> int                    delayed jobs whose time has come into the queue
    Journal.put_back(claim)                      give an unfinished job back
    progress(0.4)                                how far the job that runs here is
    log("241 of 600 mails sent")                 a line into its log: the newest 100 are kept

Layout, below the prefix `mr:journal` (queue names are percent-encoded in keys):

    queues                set     names of the watched queues
    workers               hash    worker → JSON {host, pid, queues, started_at, last_seen_at,
                                  busy: [[queue, job id]], supervised}
    alive:<worker>        string  exists while its heartbeat is fresh (PX)
    buried                zset    names of workers that were struck out, by when, for a week
    restart:<worker>      string  somebody wishes that it ends and begins anew (PX)
    ended:completed, ended:failed
                          stream  of every queue's ends, about the newest 10,000 and 2,000: run
                                  (JSON [queue, id, how many of the queue had ended so, attempt,
                                  ended at, task, outcome, error, enqueued_at, started_at,
                                  schedule]) and, where it failed, attempt (JSON, as in the job)
    wake                  channel a queue's name is published when a job arrives
    <queue>:meta          hash    name, list and schedule (huey's keys), keep_completed,
                                  keep_failed, listed
    <queue>:signatures    hash    task → JSON list of its parameters' names (`*rest`: the others),
                                  told by its workers
    <queue>:paused        string  epoch seconds since when; while it exists nothing is claimed
    <queue>:paused_by     hash    by, why: who paused it; mark: by what operation
    <queue>:resumed       hash    mark: by what operation it was resumed last, for 24 h (PX), and
                                  by, why, pause: whose pause that ended, and its mark
    <queue>:stats         hash    enqueued, completed, failed: totals; retried: how many attempts
                                  failed and were put back by huey itself
    <queue>:waiting, :active, :delayed, :failed, :completed, :quarantined
                          zset    job id by epoch seconds: when it came there (delayed: is due)
    <queue>:active:<worker>  list messages in that worker's hands
    <queue>:begun:<worker>  hash  of those that have begun: `<SHA-1 of the message>:<attempt>` →
                                  when (epoch seconds), a space, the job's id
    <queue>:job:<id>      hash    a job
    <queue>:quarantine:<id>  hash    of a quarantined job: from (state), since, score, message,
                                  by, why, mark; asides (a count) and aside:<n>, messages of the
                                  same id that were enqueued, or met by workers, meanwhile
    <queue>:before:<id>   hash    what a promotion or a delay has changed, for 24 h (PX): mark,
                                  message, score, since, due, there; of another priority the mark
    <queue>:trash:<name>  hash    a removed job for 24 h (PX); :message, :score, :quarantine are
                                  its others

    mr:schedules          set     names of the declared schedules (`mrcore.scheduler` writes these)
    mr:schedule:<name>    hash    declared, queue, job, interval_s, next_at, last_tick,
                                  last_enqueued_at, last_succeeded_at, missed, missed_at,
                                  every_s (of interval_s what is really registered), ticks (the
                                  newest 20: when it enqueued), runs (the newest 20:
                                  started:ended:outcome),
                                  template (a message of it, with the id keys.TEMPLATE_ID); while
                                  somebody has removed it: removed_at, removed_by, removed_why,
                                  removed_mark
    mr:schedule::obeyed   hash    revision: counts how often a schedule was told to obey
    mr:schedule:<name>:obeys  hash  mark: by what operation it was told so last, for a day
    mr:schedule:<name>:registered  hash  mark: by what operation it was registered again last, for
                                  24 h (PX), and by, why, removal: whose removal that ended
    mr:schedules:revision string  counts up when what is declared has changed: schedulers read anew
    mr:scheduler:lease    string  the one scheduler's name (PX)

A job: task, payload (JSON of args and kwargs), state, outcome, attempts, max_attempts, retries,
retry_delay, enqueued_at, due_at, started_at, finished_at, worker, error, result, `attempt:<n>`
(JSON {n, worker, started_at, ended_at, outcome, error, trace}), schedule, deaths, progress (0 to
1), logged (a count), `log:<n>` (JSON {at, n: the attempt, line}), parent (JSON [queue, id] of the
job that enqueued it while it ran), children (a count), `child:<n>` (JSON [queue, id]), copies (how
often it was duplicated), copy_of and copied_at (of a copy), asked and claim (words of the calls
that enqueued and began it), and, of failed jobs, `message`: the bytes that a retry puts back into
the queue, with retries as at first.
A job that was revoked, expired or cancelled is `completed` with that word as its outcome.

Counts of any number of queues are one pipeline of LLEN and ZCARD (the truth of waiting and delayed
is huey's own list and zset), a page is ZREVRANGE and HMGET. Only writes are scripts (`lua/`).
Readers need no pickle: payloads are JSON beside the message; where there is none (a producer that
is not watched) the one restricted reader is `mrcore.journal.reader`.
"""

from __future__ import annotations

from huey.api import Huey

from mrcore.journal import claims, heart, hook, keys, supported, telling, writer

Claim = claims.Claim
Ended = claims.Ended
Heart = heart.Heart
Journal = hook.Journal
NotSupported = supported.NotSupported
progress = telling.progress
log = telling.log
utc_now = writer.utc_now

_JOURNALS = "mr_journal"


def watch(
    huey: Huey,
    *,
    keep_completed: int | None = 1_000,
    keep_failed: int | None = 10_000,
    listed: bool = True,
    prefix: str = keys.PREFIX,
    now: hook.Now = utc_now,
) -> Journal:
    """Keep a journal of a huey over Redis, in its producers and its consumers; twice is once.

    `keep_completed` and `keep_failed` are how many jobs stay in those states (None: all); `listed`
    says whether boards show the queue. Raises NotSupported for a huey whose queue is no Redis list.
    """
    known: Journal | None = getattr(huey, _JOURNALS, None)
    if known is not None:
        return known
    supported.check(huey)
    made = Journal(
        huey,
        keep_completed=keep_completed,
        keep_failed=keep_failed,
        listed=listed,
        prefix=prefix,
        now=now,
    )
    setattr(huey, _JOURNALS, made)
    return made


def of(huey: Huey) -> Journal:
    """The journal of a watched huey; one that is not watched yet is, with the usual retention."""
    return watch(huey)
