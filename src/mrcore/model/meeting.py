"""Meetings of browsers: rooms, what their signalling has led to, and what they need to connect."""

from __future__ import annotations

from mrcore.model.base import Entity, Instant


class Meeting(Entity):
    """One room on one backend, as its log tells.

    `state` is no_join (somebody waits alone), no_answer (two or more without an offer and its
    answer since the last of them joined), no_ice (a pair, and no candidate) or signalling_ok.
    """

    KIND = "meeting"

    name: str
    backend: str = ""
    state: str = "no_join"
    state_since: Instant | None = None
    opened_at: Instant | None = None
    peers: int = 0
    offers: int = 0
    answers: int = 0
    candidates: int = 0
    takeovers: int = 0
    paired_at: Instant | None = None
    recording: bool = False


class Signalling(Entity):
    """The sockets of one backend, as its log tells; refusals and takeovers are of the last hour."""

    KIND = "signalling"

    name: str
    log: str = ""
    refused: int = 0
    refused_origin: str = ""
    takeovers: int = 0
    paired_at: Instant | None = None
    last_event_at: Instant | None = None


class Origin(Entity):
    """Whether a page of this origin gets a socket: a real handshake, at `target`."""

    KIND = "origin"

    name: str
    target: str = ""
    status_code: int | None = None
    ok: bool | None = None


class Turn(Entity):
    """A STUN or TURN server, asked as a browser asks it; `says` is what it gave or refused."""

    KIND = "turn"

    name: str
    target: str = ""
    ok: bool | None = None
    says: str = ""
