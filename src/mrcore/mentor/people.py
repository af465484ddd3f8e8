"""Invented people, each a pure function of the seed and a number.

The database, the simulated upstreams and the visitors must mean the same people without asking
each other. A few have what goes wrong in real lists: an address that bounces, a mail server that
asks to come back later, no name.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

BOUNCES = "bounce.example"
"""Mail to this domain is refused for good (550)."""

GREYLISTS = "greylist.example"
"""Mail to this domain is refused at the first attempt (451)."""

_HOME = "learners.example"
_STAFF = "mrmentor.example"

_FIRST_NAMES = (
    "Aarav Aditi Ananya Arjun Bhavna Chetan Deepa Devika Farhan Gauri Harsh Ishaan Jaya Kabir"
    " Kavya Lakshmi Manish Meera Neha Nikhil Omkar Pooja Pranav Rahul Riya Rohan Sana Sanjay"
    " Shreya Tanvi Uday Varun Vidya Yash Zoya"
)
_LAST_NAMES = (
    "Agarwal Bhat Chopra Das Deshpande Fernandes Ghosh Gupta Iyer Jain Joshi Kapoor Khan Kulkarni"
    " Kumar Malhotra Mehta Menon Nair Patel Pillai Rao Reddy Saxena Shah Sharma Singh Sinha Thomas"
    " Verma"
)
_FIRST, _LAST = _FIRST_NAMES.split(), _LAST_NAMES.split()


@dataclass(frozen=True)
class Person:
    """Someone with an address; `name` is None for who never filled in the form."""

    number: int
    name: str | None
    email: str
    phone: str


@dataclass(frozen=True)
class Scale:
    """How many of each; people are numbered in this order: admins, sales, mentors, students."""

    name: str
    admins: int
    sales: int
    mentors: int
    students: int
    slots_each: int
    leads: int
    payments: int
    logins: int
    assignments: int
    applications: int
    calls: int

    @property
    def staff(self) -> int:
        """The number of the first mentor."""
        return self.admins + self.sales

    @property
    def first_student(self) -> int:
        """The number of the first student."""
        return self.staff + self.mentors

    @property
    def people(self) -> int:
        """The number of the first person who is not in the database."""
        return self.first_student + self.students


SMALL = Scale("small", 4, 12, 40, 560, 30, 700, 380, 900, 500, 260, 160)
LARGE = Scale("large", 4, 200, 4000, 56000, 30, 70000, 38000, 90000, 50000, 26000, 16000)
SCALES = {scale.name: scale for scale in (SMALL, LARGE)}


def person(seed: int, number: int, scale: Scale) -> Person:
    """The person with this number; numbers beyond `scale.people` are strangers."""
    dice = random.Random(seed * 1_000_003 + number)  # noqa: S311 - invented data
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    phone = f"+91{dice.randrange(70_000_00000, 99_999_99999)}"
    chance = dice.random()
    name: str | None = f"{first} {last}"
    domain = _STAFF if number < scale.first_student else _HOME
    if domain == _HOME and chance < 0.03:
        domain = BOUNCES
    elif domain == _HOME and chance < 0.07:
        domain = GREYLISTS
    elif domain == _HOME and chance < 0.09:
        name = None
    return Person(number, name, f"{first}.{last}{number}@{domain}".lower(), phone)


def api_key(seed: int, integration: str) -> str:
    """The key that the simulated upstream of this integration accepts."""
    return hashlib.sha256(f"{seed}/{integration}".encode()).hexdigest()[:24]


def password(seed: int, number: int) -> str:
    """The password of the person with this number, who must be of the staff to have one."""
    return hashlib.sha256(f"{seed}/password/{number}".encode()).hexdigest()[:16]
