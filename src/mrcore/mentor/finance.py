"""The finance export: huey takes the order on `financeExportQueue`, RQ writes the file.

The heavy half runs in `mrcore rqworker` on the RQ queue of the same name, so that a month of
payments never holds up e-mails.
"""

from __future__ import annotations

import asyncio
import csv
import logging
import os
import re
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import asyncpg
import redis
import rq

from mrcore.mentor import config, tools, trace

LOG = logging.getLogger("financeExport.worker")

QUEUE = "financeExportQueue"
FOLDER = "MR_EXPORTS"
"""Environment name of the folder that exports are written to."""

_TIMEOUT_S = 600
_KEPT_S = 7 * 24 * 3600
_EVERY_ROWS = 200
_PAID = "p.status IN ('captured', 'refunded') AND p.captured_at >= $1 AND p.captured_at < $2"
_ROWS = f"""
SELECT p.order_id, p.invoice_number, u.email, p.amount_paise, p.gst_paise, p.status, p.captured_at
  FROM payments p JOIN users u ON u.id = p.user_id WHERE {_PAID} ORDER BY p.captured_at, p.id
"""  # noqa: S608 - both are constants
_COUNT = f"SELECT count(*) FROM payments p WHERE {_PAID}"  # noqa: S608


async def prepare(at_hand: tools.Tools, *, month: str) -> str:
    """Order the export of a month (`2026-11`) from RQ; the RQ job's id, empty without payments.

    Raises ValueError when `month` is not one.
    """
    start, end = bounds(month)
    async with at_hand.database() as connection:
        total = await connection.fetchval(_COUNT, start, end)
    if not total:
        LOG.info("export of %s: no payments, nothing to do", month)
        return ""
    job_id = await asyncio.to_thread(_order, at_hand.config.redis, month)
    LOG.info("export of %s: %d payments, handed to RQ as %s", month, total, job_id)
    return job_id


def _order(settings: config.Redis, month: str) -> str:
    with redis.Redis(**settings.options()) as connection:
        job = rq.Queue(QUEUE, connection=connection).enqueue(
            "mrcore.mentor.finance.export",
            month,
            job_timeout=_TIMEOUT_S,
            result_ttl=_KEPT_S,
            failure_ttl=_KEPT_S,
            description=f"export payments of {month}",
            meta={trace.PAYLOAD: found.payload()} if (found := trace.current()) else None,
        )
        return str(job.id)


def bounds(month: str) -> tuple[datetime, datetime]:
    """The first instant of a month in India, and of the next one."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"{month!r} is not a month; write it as 2026-11.")
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=tools.IST)
    following = (start + timedelta(days=32)).replace(day=1)
    return start, following


def export(month: str) -> dict[str, Any]:
    """Run by RQ: write the month's payments to a CSV file; its path and number of rows.

    Progress is in the job's meta: {"done", "total"}.
    """
    job = rq.get_current_job()
    with trace.job(QUEUE, "export", job.id if job else "", _carried(job)):
        return _export(month, job)


def _carried(job: rq.job.Job | None) -> dict[str, Any]:
    found = job.meta.get(trace.PAYLOAD) if job else None
    return found if isinstance(found, dict) else {}


def _export(month: str, job: rq.job.Job | None) -> dict[str, Any]:
    folder = Path(os.environ.get(FOLDER) or Path(tempfile.gettempdir()) / "mr-exports")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"payments-{month}.csv"
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with partial.open("w", newline="") as file:
        rows = asyncio.run(_write(file, month, job))
    partial.replace(target)
    LOG.info("export of %s: %d rows in %s", month, rows, target.name)
    return {"file": str(target), "rows": rows}


async def _write(file: TextIO, month: str, job: rq.job.Job | None) -> int:
    start, end = bounds(month)
    settings = config.Config.read(os.environ).database
    connection = await asyncpg.connect(**settings.options("mentor-export"), timeout=5)
    try:
        total = await connection.fetchval(_COUNT, start, end)
        output = csv.writer(file)
        done = 0
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            async for row in connection.cursor(_ROWS, start, end, prefetch=_EVERY_ROWS):
                if done == 0:
                    output.writerow(row.keys())
                output.writerow(row.values())
                done += 1
                if done % _EVERY_ROWS == 0 or done == total:
                    _progress(job, done, total)
    finally:
        await connection.close()
    return done


def _progress(job: rq.job.Job | None, done: int, total: int) -> None:
    if job is not None:
        job.meta.update(done=done, total=total)
        job.save_meta()  # type: ignore[no-untyped-call]
