"""ONE table of keys and commands: footer, `?`, palette, `:` and the keymap file read it."""

from __future__ import annotations

from typing import NamedTuple

EVERYWHERE = "everywhere"
LISTS = "lists"
ALL = "*"
"""What follows an action that is offered for everything that is listed."""


class Key(NamedTuple):
    """A key or command: what it does, where, and how it is called.

    `does` is a verb of the screen with its argument (`go queues`, `act queue.retry`); `scope` is
    EVERYWHERE, LISTS or a screen's name; `needs` are actions of which the row must offer one
    (`queue.retry*`: on everything that is listed), which act on a `kind` of entity; `shown` orders
    the footer (0: not in it); `command` is its word after `:`, `takes` its argument.
    """

    id: str
    keys: tuple[str, ...]
    does: str
    label: str
    scope: str = EVERYWHERE
    shown: int = 0
    needs: tuple[str, ...] = ()
    kind: str = ""
    command: str = ""
    takes: str = ""


ON_ALL = ("act_all", "canary")
"""Verbs that do an action on everything that is listed."""


def _act(
    name: str,
    key: str,
    label: str,
    kind: str,
    *needs: str,
    scope: str = EVERYWHERE,
    shown: int = 2,
    verb: str = "act",
) -> Key:
    """A key that does the one of some actions that a row of a kind offers."""
    does = f"{verb} {' '.join(needs)}"
    offered = tuple(f"{need}{ALL}" for need in needs) if verb in ON_ALL else needs
    return Key(name, (key,), does, label, scope, shown, offered, kind)


TABLE: tuple[Key, ...] = (
    Key("go.home", ("1",), "go home", "home", command="home"),
    Key("go.queues", ("2",), "go queues", "queues", command="queues"),
    Key("go.postgres", ("3",), "go postgres", "postgres", command="postgres"),
    Key("go.redis", ("4",), "go redis", "redis", command="redis"),
    Key("go.logs", ("5",), "go logs", "logs", command="logs", takes="[STREAM]"),
    Key("go.alerts", ("6",), "go alerts", "alerts", command="alerts"),
    Key("go.runbooks", ("7",), "go runbooks", "runbooks", command="runbooks"),
    Key("go.silences", (), "go silences", "of what nobody is told", command="silences"),
    Key("go.schedules", (), "go schedules", "schedules", command="schedules"),
    Key("go.workers", (), "go workers", "workers", command="workers"),
    Key("go.stack", (), "go stack", "the stack's processes", command="stack"),
    Key("go.sources", (), "go sources", "how each source is", command="sources"),
    Key("go.audit", (), "go audit", "who did what", command="audit"),
    Key("go.operations", (), "go operations", "operations", command="operations"),
    Key("go.ran", (), "go ran", "what ran, and when", command="ran"),
    Key("go.meetings", (), "go meetings", "who meets, and how far it came", command="meetings"),
    Key("go.deploy", (), "go deploy", "which colour is live", command="deploy"),
    Key("go.slots", (), "go slots", "slots of mentors", command="slots"),
    Key("go.trails", (), "trails", "search the audit trails", command="trails", takes="[TEXT]"),
    Key("go.host", (), "go host", "disks, memory, certificates", command="host"),
    Key("go.upstreams", (), "go upstreams", "services outside", command="upstreams"),
    Key("go.plans", (), "go plans", "plans that wait for a second login", command="plans"),
    Key("go.tokens", (), "go tokens", "who has a token", command="tokens"),
    Key("go.troubles", (), "go troubles", "everything that is not well", command="troubles"),
    Key("go.envs", (), "go envs", "all environments side by side", command="envs"),
    Key("row.open", ("enter",), "open", "open", LISTS, shown=1),
    Key("row.links", ("enter",), "links", "where it leads", "detail", shown=6),
    Key("found.more", ("n",), "further", "look further", "found", shown=2),
    Key("log.next", ("n",), "hit 1", "next hit", "logs"),
    Key("log.previous", ("N",), "hit -1", "previous hit", "logs"),
    Key("log.wrap", ("w",), "wrap", "wrap long lines", "logs"),
    _act("row.retry", "r", "retry", "job", "queue.retry"),
    _act(
        "queues.retry",
        "R",
        "retry all failed",
        "job",
        "queue.retry",
        scope="queues",
        verb="act_all",
    ),
    _act("jobs.retry", "R", "retry all listed", "job", "queue.retry", scope="jobs", verb="act_all"),
    _act("jobs.canary", "C", "canary retry", "job", "queue.retry", scope="jobs", verb="canary"),
    _act(
        "group.canary",
        "C",
        "canary retry 10",
        "job",
        "queue.retry",
        scope="groups",
        shown=1,
        verb="canary",
    ),
    _act("group.retry", "R", "retry group", "job", "queue.retry", scope="groups", verb="act_all"),
    _act("job.edit", "E", "edit and retry", "job", "job.edit", shown=3, verb="edit"),
    _act("job.remove", "X", "remove", "job", "job.remove"),
    _act(
        "job.quarantine",
        "Q",
        "quarantine / release",
        "job",
        "job.quarantine",
        "job.release",
        shown=3,
    ),
    _act("job.promote", "g", "run now", "job", "job.promote"),
    _act("job.delay", "z", "run later", "job", "job.delay", shown=3),
    _act("job.priority", "i", "priority", "job", "job.priority", shown=5),
    _act("job.duplicate", "D", "duplicate", "job", "job.duplicate", shown=8),
    _act("queue.clean", "W", "clean", "queue", "queue.clean", shown=9),
    _act("queue.drain", "Z", "drain", "queue", "queue.drain", shown=9),
    _act("queue.pause", "P", "pause / resume", "queue", "queue.pause", "queue.resume"),
    _act("schedule.run", "R", "run now", "schedule", "schedule.run"),
    _act("schedule.remove", "X", "remove", "schedule", "schedule.remove"),
    _act("schedule.register", "T", "register again", "schedule", "schedule.register"),
    _act("worker.restart", "R", "restart", "worker", "worker.restart"),
    _act("process.restart", "R", "restart", "process", "process.restart"),
    _act("session.terminate", "K", "terminate", "session", "pg.terminate"),
    _act("session.cancel", "C", "cancel statement", "session", "pg.cancel"),
    _act(
        "redis.wake",
        "U",
        "let clients go on / kill script",
        "node",
        "redis.unpause",
        "redis.script_kill",
    ),
    _act("key.delete", "D", "delete", "key", "key.delete"),
    _act("job.reveal", "V", "reveal", "job", "job.reveal", shown=9),
    _act("key.reveal", "V", "reveal", "key", "key.reveal", shown=9),
    _act("upstream.run", "R", "probe now", "upstream", "check.run"),
    _act("colour.switch", "S", "send traffic here", "colour", "deploy.switch"),
    _act("slots.clean", "W", "clean now", "slots", "slots.clean"),
    _act("slots.enqueue", "R", "enqueue cleanup", "slots", "slots.enqueue"),
    _act("order.settle", "R", "settle", "order", "payment.reconcile"),
    _act("trail.reveal", "V", "reveal", "trail", "trail.reveal", shown=9),
    _act(
        "operation.pause", "P", "pause / resume", "operation", "operation.pause", "operation.resume"
    ),
    _act("operation.stop", "X", "stop", "operation", "operation.stop"),
    _act("token.revoke", "X", "revoke", "token", "token.revoke"),
    _act("alert.ack", "a", "ack / take back", "alert", "alert.ack", "alert.unack"),
    _act("alert.silence", "Z", "silence", "alert", "alert.silence", shown=3),
    _act("silence.expire", "X", "end silence", "silence", "silence.expire"),
    _act("runbook.start", "R", "start", "runbook", "runbook.start"),
    Key("run.step", ("enter",), "step", "step in full", "run", shown=1),
    _act("run.next", "n", "next", "run", "run.next", scope="run", shown=1, verb="next"),
    _act("run.confirm", "c", "it is done", "run", "run.confirm"),
    _act("run.skip", "o", "leave out", "run", "run.skip", shown=4),
    _act("run.handover", "h", "hand over", "run", "run.handover", shown=3),
    _act("run.abort", "X", "abort", "run", "run.abort", shown=3),
    Key("run.why", ("w",), "why", "why", "run", shown=2),
    Key("run.timeline", ("t",), "timeline", "timeline", "run", shown=3),
    Key("job.older", ("left",), "older", "older attempt", "job", shown=4),
    Key("job.newer", ("right",), "newer", "newer attempt", "job", shown=4),
    Key("job.diff", ("d",), "diff", "diff with a good one", "job", shown=3),
    Key("job.frames", ("t",), "frames", "in full", "job", shown=4),
    Key("tab.next", ("tab",), "tab 1", "next", shown=6),
    Key("tab.previous", ("shift+tab",), "tab -1", "previous"),
    Key("logs.level", ("v",), "level", "level", "logs", shown=3),
    Key("logs.follow", ("f",), "follow", "follow", "logs", shown=4),
    Key("redis.prefix", ("f",), "prefix", "prefix", "redis", shown=3),
    Key("list.filter", ("slash",), "filter", "filter", LISTS, shown=5),
    Key("logs.filter", ("slash",), "filter", "filter", "logs", shown=2),
    Key("list.mark_all", ("asterisk",), "mark_all", "mark all", "jobs", shown=9),
    Key("queues.search", ("F",), "look", "search", "queues", shown=6),
    Key("jobs.search", ("F",), "look", "search", "jobs", shown=6),
    Key("groups.search", ("F",), "look", "search", "groups", shown=6),
    Key("list.sort", ("s",), "sort", "sort", LISTS, shown=7),
    Key("list.mark", ("space",), "mark", "mark", LISTS, shown=9),
    Key("list.freeze", ("p",), "freeze", "freeze", LISTS, shown=8),
    Key("logs.freeze", ("p",), "freeze", "freeze", "logs", shown=5),
    Key("row.logs", ("l",), "logs", "its logs", shown=8),
    Key("row.runbook", ("b",), "runbook", "runbook", shown=3),
    Key("row.copy", ("y",), "copy", "copy ref", shown=10),
    Key("row.copy_text", ("Y",), "copy_text", "copy its text"),
    Key("app.select", (), "select", "print it, to be selected", command="select"),
    Key("app.arm", ("A",), "arm", "arm", shown=4, command="arm"),
    Key("app.undo", ("u",), "undo", "undo", shown=12, command="undo"),
    Key("app.search", (), "search", "search jobs of every state", command="search", takes="TEXT"),
    Key("app.open", (), "visit", "open a ref", command="open", takes="mr://…"),
    Key("app.ctx", (), "ctx", "look at another environment", command="ctx", takes="NAME"),
    Key("app.theme", (), "theme", "change the theme", command="theme", takes="NAME"),
    Key("app.command", ("colon",), "command", "command", shown=11),
    Key("app.palette", ("ctrl+p",), "palette", "palette"),
    Key("app.help", ("question_mark",), "help", "keys", shown=13, command="help"),
    Key("app.back", ("escape",), "back", "back"),
    Key("app.last", ("minus",), "last", "the view before"),
    Key("app.redraw", ("ctrl+l",), "redraw", "redraw"),
    Key("app.quit", ("q", "ctrl+c"), "quit", "leave", command="q"),
)

NEEDED = frozenset(need for entry in TABLE for need in entry.needs)
"""Every action that has a key."""

NAMES = {
    "/": "slash",
    ":": "colon",
    "?": "question_mark",
    "-": "minus",
    " ": "space",
    "*": "asterisk",
}
"""What Textual calls keys that are written as they are."""
_SYMBOLS = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "minus": "-",
    "asterisk": "*",
    "enter": "⏎",
    "escape": "esc",
    "tab": "⇥",
    "shift+tab": "⇤",
    "left": "←",
    "right": "→",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def symbol(key: str) -> str:
    """How a key is written on screen: `slash` is `/`, `ctrl+p` is `^p`."""
    return _SYMBOLS.get(key, key.replace("ctrl+", "^"))
