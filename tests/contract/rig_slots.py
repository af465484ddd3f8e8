"""Mr. Mentor's own application over a database with five booked slots and five logins.

Its Razorpay knows a captured payment of every order.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import signal
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import asyncpg
import redis
from pydantic import SecretStr

from mrcore.mentor import config, jwt, queues, seed, unsettled
from mrcore.model import base, plans, ref
from mrcore.sources import base as source_base
from mrcore.stack import services, spawn
from tests import restartable
from tests.contract import rig
from tests.core.mentor import conftest as mentor

ALL = ref.make("slots", "slots", "all")
NOBODY = str(uuid.UUID(int=0))
BOOKED = 5
LOGINS = 5
SECRET = "what signs the tokens of this rig"
_STALE = "booked_by IS NULL AND ends_at < now()"


_PAISE = 250_000
_MADE = """
SELECT (SELECT count(*) FROM token_grants WHERE payment_id = p.id)
       || '/' || (SELECT count(*) FROM invoices WHERE payment_id = p.id)
  FROM payments p WHERE order_id = $1
"""


class _Razorpay(http.server.BaseHTTPRequestHandler):
    """Every order was paid, by the payment of its name."""

    def do_GET(self) -> None:
        parts = self.path.split("/")
        name = parts[3].partition("_")[2]
        paid = {"id": f"pay_{name}", "order_id": f"order_{name}", "amount": _PAISE}
        found = {**paid, "status": "captured"}
        raw = json.dumps({"items": [found]} if parts[2] == "orders" else found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _razorpay() -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Razorpay)
    server.daemon_threads = True
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    ).start()
    return server


class Slots(rig.Rig):
    kind = "slots"
    acts = ("slots.clean", "slots.enqueue", "payment.reconcile")
    lacks = {
        "killed": "no question needs the one before; Mr. Mentor takes seconds to start",
        "odd": "its ids are UUIDs",
        "minute": "no HTTP connection is kept over a question without an answer",
    }

    def __init__(self, folder: Path, database: str, redis_url: str) -> None:
        self._database = database
        self._razorpay = _razorpay()
        self._env = {
            **mentor.environment(database, redis_url),
            "JWT_SECRET": SECRET,
            "RAZORPAY_KEY_ID": "rzp",
            "RAZORPAY_KEY_SECRET": "a key",
            "RAZORPAY_URL": f"http://127.0.0.1:{self._razorpay.server_port}",
        }
        self._port = services.free_port()
        self.mentors = [uuid.uuid4(), uuid.uuid4()]
        self._student = uuid.uuid4()
        asyncio.run(self._fill())
        told = folder / "environment.json"
        told.write_text(json.dumps(self._env))
        argv = (sys.executable, "-m", "tests.contract.mentor_backend", str(self._port), str(told))
        self.server = restartable.Server(
            services.Service(argv, signal.SIGTERM, spawn.before_exec()),
            folder / "backend.log",
            lambda: urllib.request.urlopen(f"{self._url}/api/health").close(),
            signal.SIGKILL,
        )
        self.server.patience_s = 120  # it imports all of Mr. Mentor
        self.server.start()

    @classmethod
    def made(cls, folder: Path, fixture: Callable[[str], Any]) -> Self:
        """The one of this test process: starting Mr. Mentor takes longer than a test."""
        found: Self = fixture("mentor_rig")
        found.server.resume()
        asyncio.run(found._unsettled())
        return found

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def close(self) -> None:
        """It is of the session, which ends it."""

    def table(self) -> dict[str, Any]:
        return {"url": self._url, "token": self._token("admin")}

    def limited(self) -> dict[str, Any]:
        return {"url": self._url, "token": self._token("student")}

    def _token(self, role: str) -> str:
        until = datetime.now(UTC) + timedelta(hours=12)
        claims = jwt.Claims(self._student, role, "asha@mrmentor.example", role, until)
        return jwt.sign(claims, SecretStr(SECRET))

    def pid(self, source: source_base.Source) -> int:
        return self.server.pid

    async def identities(self, source: source_base.Source) -> Hashable:
        """An HTTP question that got no answer has no connection left to keep: the port only."""
        return self._port

    def listings(self) -> tuple[rig.Listing, ...]:
        booked = plans.Query(state="booked", limit=3)
        every = frozenset(ref.make("slots", "slot", str(one)) for one in self.booked)
        theirs = ref.make("slots", "mentor", str(self.mentors[0]))
        return (
            rig.Listing(ALL, "slots", every, booked),
            rig.Listing(theirs, "slots", every, booked),
            rig.Listing(
                ALL,
                "trails",
                frozenset(f"10.0.0.{n}" for n in range(LOGINS)),
                plans.Query(state="login_logs", limit=2),
                told=lambda row: row.address,
            ),
        )

    def unknown(self) -> tuple[base.Ref, ...]:
        at = "2026-01-01T00:00:00+00:00"
        return (
            "slots/slots/other",
            "slots/slots",
            f"slots/mentor/{NOBODY}",
            "slots/mentor/x",
            f"slots/slot/{NOBODY}",
            "slots/order/order_nobody",
            ref.make("slots", "trail", "login_logs", at, "0"),
            ref.make("slots", "trail", "users", at, "0"),
            "slots/trail/login_logs/yesterday/0",
        )

    async def deed(self, action: base.ActionId) -> rig.Deed:
        """All slots, of which a few are expired and nobody booked them; two paid orders."""
        if action == "payment.reconcile":
            await self._sql("UPDATE payments SET status = 'refunded' WHERE status = 'created'")
            orders = [await self._order(ALL) for _ in range(2)]
            return rig.Deed(action, tuple(orders), orders[1])
        await self._sql(f"DELETE FROM slots WHERE {_STALE}")
        for _ in range(2):
            await self._expire(ALL)
        return rig.Deed(action, (ALL,), ALL)

    async def move_on(self, deed: rig.Deed) -> None:
        """One more is expired; nothing is left to enqueue a cleanup for; a webhook came."""
        if deed.action == "payment.reconcile":
            return await self._told(deed.moved_on)
        await (self._expire if deed.action == "slots.clean" else self._gone)(deed.moved_on)

    async def state(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """Every slot; the jobs that wait; what an order has led to."""
        if action == "payment.reconcile":
            return tuple(await self._sql(_MADE, ref.rpartition("/")[2]))
        if action == "slots.enqueue":
            return await asyncio.to_thread(self._waiting)
        return tuple(await self._sql("SELECT id FROM slots ORDER BY id"))

    async def facts(self, action: base.ActionId, ref: base.Ref) -> Hashable:
        """What a cleanup would delete; whether there is anything to enqueue one for; the state."""
        if action == "payment.reconcile":
            return await self.state(action, ref)
        stale = tuple(await self._sql(f"SELECT id FROM slots WHERE {_STALE} ORDER BY id"))
        return bool(stale) if action == "slots.enqueue" else stale

    def churn(self, action: base.ActionId) -> rig.Churn:
        """Mentors offer, students book, the backend cleans; webhooks and finance settle."""
        if action == "payment.reconcile":
            return {
                "its webhook comes": self._told,
                "it is granted by hand": self._granted,
                "somebody orders something else": self._ordered,
            }
        return {
            "one more expires": self._expire,
            "one is booked after all": self._book,
            "a mentor offers one": self._offer,
            "they are cleaned by somebody else": self._gone,
        }

    async def _expire(self, of: base.Ref) -> None:
        await self._slot(timedelta(days=-3))

    async def _offer(self, of: base.Ref) -> None:
        await self._slot(timedelta(days=3))

    async def _book(self, of: base.Ref) -> None:
        await self._sql(
            "UPDATE slots SET booked_by = $1 WHERE id ="
            f" (SELECT id FROM slots WHERE {_STALE} ORDER BY id LIMIT 1) RETURNING id",
            self._student,
        )
        # What was booked here is no booked slot of the listings.
        await self._sql(
            "DELETE FROM slots WHERE booked_by IS NOT NULL AND id <> ALL($1)", self.booked
        )

    async def _gone(self, of: base.Ref) -> None:
        await self._sql(f"DELETE FROM slots WHERE {_STALE}")

    async def _order(self, of: base.Ref) -> base.Ref:
        """Somebody has paid 11 minutes ago, and no webhook told of it."""
        name = f"order_{uuid.uuid4().hex[:14]}"
        await self._sql(
            "INSERT INTO payments (user_id, order_id, amount_paise, gst_paise, created_at)"
            " VALUES ($1, $2, $3, 1, now() - interval '11 min')",
            self._student,
            name,
            _PAISE,
        )
        return ref.make("slots", "order", name)

    async def _unsettled(self) -> None:
        """One order at least is there, also after a test that has settled all."""
        connection = await asyncpg.connect(self._database)
        try:
            found = await unsettled.listed(connection, datetime.now(UTC))
        finally:
            await connection.close()
        if not found:
            await self._order(ALL)

    async def _ordered(self, of: base.Ref) -> None:
        await self._order(of)

    async def _granted(self, of: base.Ref) -> None:
        await self._sql(
            "INSERT INTO token_grants (payment_id, user_id, tokens, granted_at)"
            " SELECT id, user_id, 5, now() FROM payments WHERE order_id = $1"
            " ON CONFLICT DO NOTHING",
            of.rpartition("/")[2],
        )

    async def _told(self, of: base.Ref) -> None:
        await self._granted(of)
        await self._sql(
            "INSERT INTO invoices (payment_id, number, amount_paise, gst_paise, issued_at)"
            " SELECT id, order_id, amount_paise, 1, now() FROM payments WHERE order_id = $1"
            " ON CONFLICT DO NOTHING",
            of.rpartition("/")[2],
        )

    async def _slot(self, begins_in: timedelta) -> None:
        begin = datetime.now(UTC) + begins_in
        await self._sql(
            "INSERT INTO slots (mentor_id, starts_at, ends_at) VALUES ($1, $2, $3)",
            self.mentors[1],
            begin,
            begin + timedelta(minutes=30),
        )

    async def _sql(self, sql: str, *args: object) -> list[Any]:
        connection = await asyncpg.connect(self._database)
        try:
            return [row[0] for row in await connection.fetch(sql, *args)]
        finally:
            await connection.close()

    def _waiting(self) -> int:
        options = config.Config.read(self._env).redis.options()
        with contextlib.closing(redis.ConnectionPool(**options)) as pool:
            return len(queues.hueys(pool)["cleanupQueue"].pending())

    async def _fill(self) -> None:
        await seed.make(mentor.order(self._database, None), now=source_base.utc_now)
        begin = datetime.now(UTC) + timedelta(days=5)
        connection = await asyncpg.connect(self._database)
        try:
            people = [("Asha", *self.mentors[:1]), ("Ravi", *self.mentors[1:])]
            for name, one in people:
                user = await connection.fetchval(
                    "INSERT INTO users (email, name, phone, role) VALUES ($1, $2, '1', 'mentor')"
                    " RETURNING id",
                    f"{name}@mrmentor.example",
                    name,
                )
                await connection.execute(
                    "INSERT INTO mentors VALUES ($1, $2, 'sales', 4.5)", one, user
                )
            await connection.execute(
                "INSERT INTO users (id, email, name, phone, role)"
                " VALUES ($1, 'riya@learners.example', 'Riya', '2', 'student')",
                self._student,
            )
            rows = await connection.fetch(
                "INSERT INTO slots (mentor_id, starts_at, ends_at, booked_by)"
                " SELECT $1, $2::timestamptz + n / 2 * i, $2::timestamptz + (n / 2 + 1) * i, $3"
                " FROM generate_series(1, $4::int) n, (SELECT interval '1 hour' AS i) x"
                " RETURNING id",
                self.mentors[0],
                begin,
                self._student,
                BOOKED,
            )
            self.booked = [row["id"] for row in rows]
            await connection.execute(
                'INSERT INTO login_logs ("userId", action, "ipAddress", "userAgent", timestamp)'
                " SELECT $1, 'login', '10.0.0.' || n, 'tests', $2::timestamptz - n / 3 * i"
                " FROM generate_series(0, $3::int - 1) n, (SELECT interval '1 day' AS i) x",
                self._student,
                begin - timedelta(days=9),
                LOGINS,
            )
        finally:
            await connection.close()
