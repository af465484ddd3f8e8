"""Job applications: the nightly backfill, and what a title pays."""

from __future__ import annotations

import logging

from mrcore.mentor import tools

LOG = logging.getLogger("application.worker")

_AT_ONCE = 500

_BACKFILL = """
UPDATE applications a SET platform = u.platform FROM users u
 WHERE u.id = a.student_id AND a.id IN (
    SELECT id FROM applications WHERE platform IS NULL ORDER BY applied_at LIMIT $1)
"""

_BENCHMARK = """
INSERT INTO salary_benchmarks (job_title, p25_lpa, p50_lpa, p75_lpa, offers, computed_at)
SELECT job_title, p[1], p[2], p[3], offers, $1 FROM (
    SELECT job_title, count(*) AS offers,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY salary_lpa) AS p
      FROM applications WHERE salary_lpa IS NOT NULL GROUP BY job_title) t
ON CONFLICT (job_title) DO UPDATE SET p25_lpa = excluded.p25_lpa, p50_lpa = excluded.p50_lpa,
    p75_lpa = excluded.p75_lpa, offers = excluded.offers, computed_at = excluded.computed_at
"""


async def backfill(at_hand: tools.Tools) -> int:
    """Give applications from before there were two platforms their student's; how many."""
    total = 0
    async with at_hand.database() as connection:
        while done := int((await connection.execute(_BACKFILL, _AT_ONCE)).split()[-1]):
            total += done
    LOG.info("backfilled %d applications", total)
    return total


async def benchmark(at_hand: tools.Tools) -> int:
    """Recompute the quartiles of every title's offers; how many titles."""
    async with at_hand.database() as connection:
        status = await connection.execute(_BENCHMARK, at_hand.now())
    titles = int(status.split()[-1])
    LOG.info("computed the benchmark of %d titles", titles)
    return titles
