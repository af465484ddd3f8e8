"""The rows of a seeded Mr. Mentor: pure, the same for the same seed, scale and instant."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from argon2 import low_level

from mrcore.mentor import people, settling

_SKILLS = ("SQL", "Python", "Power BI", "Statistics", "Excel", "Product", "Interviews")
_SOURCES = ("website", "webinar", "referral", "instagram", "campus")
_AGENTS = ("Mozilla/5.0 (Windows NT 10.0)", "Mozilla/5.0 (Macintosh)", "MrMentor/4.2 (Android)")
_TITLES = ("Data Analyst", "Business Analyst", "Data Scientist", "Product Analyst")
_STATUSES = ("new", "contacted", "qualified", "enrolled", "lost")
_CALL_STEPS = ("queued", "ringing", "in_progress", "completed")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """Rows of one table, in COPY's order of columns."""

    schema: str
    name: str
    columns: tuple[str, ...]
    rows: list[Row]


def _table(name: str, columns: str, rows: list[Row], schema: str = "public") -> Table:
    return Table(schema, name, tuple(columns.split()), rows)


@dataclass
class Builder:
    """Makes the tables in an order that foreign keys accept, keeping only the ids in between."""

    seed: int
    scale: people.Scale
    now: datetime
    dice: random.Random = field(init=False)
    users: list[tuple[uuid.UUID, people.Person]] = field(default_factory=list)
    mentors: list[uuid.UUID] = field(default_factory=list)
    booked: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    paid: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - invented data

    def tables(self) -> Iterator[Table]:
        """Every table, one at a time."""
        yield self._users()
        yield self._mentors()
        yield self._slots()
        yield self._meetings()
        yield self._leads()
        yield from self._calls()
        yield self._workflows()
        yield self._payments()
        yield from self._settled()
        yield self._assignments()
        yield self._applications()
        yield self._sync_configs()
        yield self._login_logs()
        yield self._gst_audit_log()
        yield self._lead_activity_log()

    def _id(self) -> uuid.UUID:
        return uuid.UUID(int=self.dice.getrandbits(128), version=4)

    def _ago(self, days: float) -> datetime:
        return self.now - timedelta(seconds=self.dice.randrange(1, int(days * 86_400)))

    def _role(self, number: int) -> str:
        if number < self.scale.admins:
            return "superadmin" if number == 0 else "admin"
        if number < self.scale.staff:
            return "sales_head" if number == self.scale.admins else "sales"
        return "mentor" if number < self.scale.first_student else "student"

    def _student(self) -> uuid.UUID:
        number = self.dice.randrange(self.scale.first_student, self.scale.people)
        return self.users[number][0]

    def _seller(self) -> uuid.UUID:
        return self.users[self.dice.randrange(self.scale.admins, self.scale.staff)][0]

    def _users(self) -> Table:
        rows: list[Row] = []
        for number in range(self.scale.people):
            who = people.person(self.seed, number, self.scale)
            user = self._id()
            self.users.append((user, who))
            platform = "mr-mentor" if self.dice.random() < 0.7 else "my-analytics-school"
            role = self._role(number)
            secret = self._password_hash(number) if number < self.scale.staff else None
            at = self._ago(400)
            rows.append((user, who.email, who.name, who.phone, role, platform, at, secret))
        columns = "id email name phone role platform created_at password_hash"
        return _table("users", columns, rows)

    def _password_hash(self, number: int) -> str:
        """With little effort, so that seeding is quick: the first login makes it stronger."""
        salt = hashlib.sha256(f"{self.seed}/salt/{number}".encode()).digest()[:16]
        made = low_level.hash_secret(
            people.password(self.seed, number).encode(),
            salt,
            time_cost=1,
            memory_cost=1024,
            parallelism=1,
            hash_len=32,
            type=low_level.Type.ID,
        )
        return made.decode()

    def _mentors(self) -> Table:
        rows: list[Row] = []
        for number in range(self.scale.staff, self.scale.first_student):
            mentor = self._id()
            self.mentors.append(mentor)
            rating = round(self.dice.uniform(3.6, 5.0), 2)
            rows.append((mentor, self.users[number][0], self.dice.choice(_SKILLS), rating))
        return _table("mentors", "id user_id skill rating", rows)

    def _slots(self) -> Table:
        rows: list[Row] = []
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        for mentor in self.mentors:
            for step in self.dice.sample(range(-96, 240), self.scale.slots_each):
                starts = hour + timedelta(minutes=30 * step)
                taken = self.dice.random() < (0.85 if step < 0 else 0.25)
                row = (self._id(), mentor, starts, starts + timedelta(minutes=30))
                student = self._student() if taken else None
                rows.append((*row, student))
                if student:
                    self.booked.append((*row, student))
        return _table("slots", "id mentor_id starts_at ends_at booked_by", rows)

    def _meetings(self) -> Table:
        rows: list[Row] = []
        for slot, mentor, starts, ends, student in self.booked:
            status = "scheduled"
            if ends <= self.now:
                status = self.dice.choices(("completed", "no_show", "cancelled"), (85, 9, 6))[0]
            rows.append((self._id(), slot, mentor, student, status, starts, ends))
        return _table("meetings", "id slot_id mentor_id student_id status starts_at ends_at", rows)

    def _leads(self) -> Table:
        for number in range(self.scale.leads):
            who = people.person(self.seed, self.scale.people + 1000 + number, self.scale)
            status = self.dice.choices(_STATUSES, (25, 30, 20, 10, 15))[0]
            owned = status != "new" or self.dice.random() < 0.7
            owner = self._seller() if owned else None
            made = self._ago(60)
            changed = made + (self.now - made) * self.dice.random()
            source = self.dice.choice(_SOURCES)
            name = who.name or "Guest"
            row = (self._id(), name, who.email, who.phone, source, status, owner, made, changed)
            self.leads.append(row)
        columns = "id name email phone source status owner_id created_at updated_at"
        return _table("leads", columns, self.leads)

    def _calls(self) -> Iterator[Table]:
        calls: list[Row] = []
        events: list[Row] = []
        for number in range(self.scale.calls):
            call, lead = self._id(), self.dice.choice(self.leads)[0]
            caller = "miss_ozone" if number % 2 else "aarya"
            started = self._ago(3)
            for second, state in enumerate(_CALL_STEPS):
                events.append((call, state, started + timedelta(seconds=20 * second)))
            # One in ten lost its last webhook; the reconciler finds it in the events.
            lost = self.dice.random() < 0.1
            ended = None if lost else started + timedelta(seconds=60)
            state = "ringing" if lost else "completed"
            calls.append((call, lead, caller, state, started, ended))
        yield _table("ai_calls", "id lead_id caller state started_at ended_at", calls)
        yield _table("ai_call_events", "call_id state at", events)

    def _workflows(self) -> Table:
        rows: list[Row] = [
            (self._id(), "Nudge after two days of silence", "lead_untouched", 48, True),
            (self._id(), "Win back after a month", "lead_lost", 720, True),
            (self._id(), "Offer a new date after a no-show", "meeting_no_show", 1, True),
        ]
        return _table("workflows", "id name trigger after_hours enabled", rows)

    def _payments(self) -> Table:
        rows: list[Row] = []
        for number in range(self.scale.payments):
            payment, made = self._id(), self._ago(90)
            net = self.dice.choice((499_900, 999_900, 2_499_900))
            gst = net * 18 // 100
            states = ("captured", "failed", "created", "refunded")
            status = self.dice.choices(states, (80, 10, 6, 4))[0]
            if status == "created" and self.now - made < timedelta(days=1):
                made -= timedelta(days=1)  # a new one, or one nobody asked of, is an incident
            settled = made + timedelta(seconds=90) if status in ("captured", "refunded") else None
            invoice = f"INV-{self.seed}-{number:06d}" if settled else None
            order = f"order_{self.dice.getrandbits(56):014x}"
            known = f"pay_{order.removeprefix('order_')}" if status != "created" else None
            unpaid = made + timedelta(minutes=9) if settled is None else None
            money, dates = (net + gst, gst, status, invoice), (made, settled)
            row: Row = (payment, self._student(), order, *money, *dates, known, unpaid)
            rows.append(row)
            self.paid += [row] if settled else []
        columns = (
            "id user_id order_id amount_paise gst_paise status invoice_number created_at"
            " captured_at razorpay_payment_id unpaid_at"
        )
        return _table("payments", columns, rows)

    def _settled(self) -> Iterator[Table]:
        """What captured payments led to; a refund takes neither grant nor invoice back."""
        grants: list[Row] = []
        invoices: list[Row] = []
        for payment, user, _, amount, gst, _, invoice, _, settled, *_ in self.paid:
            grants.append((payment, user, settling.tokens_of(amount), settled))
            invoices.append((payment, invoice, amount, gst, settled))
        yield _table("token_grants", "payment_id user_id tokens granted_at", grants)
        columns = "payment_id number amount_paise gst_paise issued_at"
        yield _table("invoices", columns, invoices)

    def _assignments(self) -> Table:
        rows: list[Row] = []
        for _ in range(self.scale.assignments):
            due = self.now + timedelta(hours=self.dice.randrange(-24 * 14, 24 * 14))
            done = self.dice.random() < 0.6
            submitted = min(due, self.now) - timedelta(hours=3) if done else None
            title = f"{self.dice.choice(_SKILLS)} assignment {self.dice.randrange(1, 12)}"
            rows.append((self._id(), self._student(), title, due, submitted))
        return _table("assignments", "id student_id title due_at submitted_at", rows)

    def _applications(self) -> Table:
        rows: list[Row] = []
        for _ in range(self.scale.applications):
            offer = round(self.dice.uniform(4, 24), 2) if self.dice.random() < 0.4 else None
            platform = "mr-mentor" if self.dice.random() < 0.8 else None
            title = self.dice.choice(_TITLES)
            rows.append((self._id(), self._student(), title, offer, self._ago(120), platform))
        return _table(
            "applications", "id student_id job_title salary_lpa applied_at platform", rows
        )

    def _sync_configs(self) -> Table:
        def config(name: str, kind: str, hours: float, key: str) -> Row:
            return (name, kind, people.api_key(self.seed, key), hours)

        rows = [
            config("graphy-main", "mrlearn", 1, "graphy"),
            config("graphy-partner", "mrlearn", 2, "graphy of last year"),  # stale: 401
            config("mrtest-main", "mrtest", 1, "mrtest"),
            config("elevenlabs", "aarya", 0.25, "elevenlabs"),
        ]
        return _table("sync_configs", "id kind api_key every_hours", rows)

    def _login_logs(self) -> Table:
        rows: list[Row] = []
        for _ in range(self.scale.logins):
            user = self.users[self.dice.randrange(self.scale.people)][0]
            action = self.dice.choices(("login", "logout", "master_login"), (70, 28, 2))[0]
            address = f"10.{self.dice.randrange(256)}.{self.dice.randrange(256)}.7"
            agent = self.dice.choice(_AGENTS)
            by = self.users[0][0] if action == "master_login" else None
            rows.append((self._id(), user, action, address, agent, self._ago(30), by))
        return _table("login_logs", "id userId action ipAddress userAgent timestamp actorId", rows)

    def _gst_audit_log(self) -> Table:
        rows: list[Row] = []
        user, who = self.users[1]
        for _, _, _, amount, gst, _, invoice, made, settled, payment, _ in self.paid:
            common, by = (payment, invoice), (user, who.email)
            rows.append((self._id(), *common, "create", "gst_paise", None, str(gst), *by, made))
            rows.append(
                (self._id(), *common, "issue", "amount_paise", None, str(amount), *by, settled)
            )
        columns = (
            "id payment_id invoice_number action field old_value new_value changed_by"
            " changed_by_email created_at"
        )
        return _table("gst_audit_log", columns, rows, "superadmin")

    def _lead_activity_log(self) -> Table:
        rows: list[Row] = []
        for lead, _, _, _, _, status, owner, made, changed in self.leads:
            rows.append((self._id(), lead, "created", None, None, "new", made))
            if owner:
                rows.append((self._id(), lead, "owner_changed", None, None, str(owner), made))
            if status != "new":
                rows.append((self._id(), lead, "status_changed", owner, "new", status, changed))
        columns = "id lead_id activity_type changed_by old_value new_value created_at"
        return _table("lead_activity_log", columns, rows, "mas_crm")
