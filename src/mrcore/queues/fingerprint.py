"""Which failures are the same: the message without what differs, and the application's frame. Pure.

What a server answered stays, because it tells failures apart: SMTP replies (`535 5.7.8`), HTTP
statuses, Postgres' SQLSTATE, errno and its names. What names somebody or something goes: ids,
numbers, hosts, paths, quoted values.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import re
from typing import NamedTuple

from mrcore import redact

TITLE_MAX = 200
MESSAGE_MAX = 600
"""Characters of a message that are looked at."""

TRACE_MAX = 32_768
"""Characters of a trace that are looked at: its end in Python's, its beginning in Node's."""


class Print(NamedTuple):
    """A failure's fingerprint: `id` is 12 hex digits of title, code and frame.

    `title` is the normalised and redacted message, `code` what a server or the system answered
    (`535 5.7.8`, `HTTP 503`, `SQLSTATE 40001`, `ECONNREFUSED`), `frame` the top frame of the
    application (`mentor/mail.py:send`).
    """

    id: str
    title: str
    code: str
    frame: str


NONE = Print("", "", "", "")


def of(error: str, trace: str = "") -> Print:
    """The fingerprint of a failure from its message (`Type: words`) and its trace as kept.

    Python's and Node's traces are read; without a frame of the application, and without a trace,
    the message alone tells. Raw texts are taken: the title comes out redacted.
    """
    if not error:
        error = _last_line(trace)
    return _made(*_message(error[:MESSAGE_MAX]), frame(trace))


def frame(trace: str) -> str:
    """The innermost frame of the application as `folder/file:function`; '' where there is none.

    Frames of libraries, of the language and of its loader are skipped. No line number: the next
    deploy moves it.
    """
    if len(trace) > TRACE_MAX:
        tail = trace[-TRACE_MAX:]
        trace = tail if "  File " in tail else trace[:TRACE_MAX]
    before, _, last = trace.rstrip().rpartition("\n")
    # Python's message differs from job to job below the same frames: those are looked at once.
    return _frame(before if _is_message(last) else trace)


def _is_message(line: str) -> bool:
    """Whether it is flush, as a message is, and no frame."""
    return line[:1].strip() != "" and not line.startswith(("at ", "File "))


@functools.lru_cache(maxsize=4096)
def _frame(trace: str) -> str:
    """Python's innermost frame is its last, in the last of chained traces; Node's is its first."""
    for block in reversed(_CHAIN.split(trace)):
        python = [(m[1], m[2]) for m in _PYTHON.finditer(block)]
        for path, function in reversed(python):
            if not _LIBRARY.search(path):
                return _named(path, function)
        for found in _NODE.finditer(block) if not python else ():
            path, function = found[2] or found[3], found[1] or ""
            if not _LIBRARY.search(path):
                return _named(path, function.removeprefix("async ").removeprefix("new "))
    return ""


_CHAIN = re.compile(
    r"\n(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\n"
)
_PYTHON = re.compile(r'^\s*File "([^"\n]{1,1000})", line \d+, in ([^\n]{1,200})$', re.MULTILINE)
_NODE = re.compile(
    r"^\s{0,20}at (?:([^\n(]{1,200}) \(([^()\n]{1,1000}?)(?::\d+){0,2}\)"
    r"|(?:async )?([^\s()]{1,1000}?)(?::\d+){0,2})$",
    re.MULTILINE,
)
_LIBRARY = re.compile(
    r"site-packages|dist-packages|node_modules|[\\/]lib(?:64)?[\\/]python\d|^<(?!stdin)"
    r"|^node:|^internal/|^native$|^<anonymous>$|\.zip[\\/]|[\\/]mrcore[\\/]journal[\\/]"
)


def _named(path: str, function: str) -> str:
    parts = [part for part in re.split(r"[\\/]", path.removeprefix("file://")) if part]
    function = function.strip()
    where = "/".join(parts[-2:])
    return redact.text(f"{where}:{function}" if function else where)[:TITLE_MAX]


def _last_line(trace: str) -> str:
    """The message in a trace without one beside it: Python's last line, Node's first."""
    last = trace[-MESSAGE_MAX:].rstrip().rpartition("\n")[2]
    if "\n" in trace[-MESSAGE_MAX:] and _is_message(last) and _PYTHON.search(trace):
        return last
    lines = [line for line in trace[-TRACE_MAX:].splitlines() if line.strip()]
    flush = [line for line in lines if not line[0].isspace()]
    if not flush:
        return ""
    return flush[-1] if _PYTHON.search(trace) else flush[0]


@functools.lru_cache(maxsize=8192)
def _message(error: str) -> tuple[str, str]:
    """The title, not yet redacted, and the code of a message."""
    line = " ".join(error.split("\n", 1)[0].split())
    code = _code(line)
    return normalised(line), code


@functools.lru_cache(maxsize=8192)
def _made(title: str, code: str, where: str) -> Print:
    title = _safe(title)
    digest = hashlib.sha256("\0".join((title, code, where)).encode("utf-8", "replace"))
    return Print(digest.hexdigest()[:12], title, code, where)


@functools.lru_cache(maxsize=8192)
def _safe(title: str) -> str:
    """What a normalised message may still tell is redacted, and its keyed tags are levelled."""
    clean = redact.text(title)
    return (clean if clean == title else _TAG.sub(r"<\1>", clean))[:TITLE_MAX]


_TAG = re.compile(r"\b([a-z]{2,12}):(?:[0-9a-f]{6,12}|•+|\*+)(?![0-9A-Za-z])")

# Node's own, beside those that the system has.
_ERRNO = "|".join(sorted({*errno.errorcode.values(), "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL"}))
_CODES = (
    (re.compile(r"\b([245]\d\d)[ -]([245]\.\d{1,3}\.\d{1,3})\b"), ""),
    (re.compile(r"\(([245]\d\d), b?['\"](?:[245]\d\d[ -])?([245]\.\d{1,3}\.\d{1,3})\b"), ""),
    (re.compile(r"\(([245]\d\d), b?['\"]"), ""),
    (re.compile(r"(?i)\bsqlstate[\s:=\[('\"]{1,3}([0-9A-Z]{5})\b"), "SQLSTATE"),
    (re.compile(r"(?i)\bhttp(?:/\d(?:\.\d)?)?(?: status)?(?: code)?[\s:=]{1,2}([1-5]\d\d)\b"),
     "HTTP"),
    (re.compile(r"(?i)\bstatus(?:[ _]?code)?[\s:=]{1,2}['\"]?([1-5]\d\d)\b"), "HTTP"),
    (re.compile(r"\b([45]\d\d) (?:[A-Z][a-z]+(?: [A-Z][a-z]+){0,3})"), "HTTP"),
    (re.compile(r"(?i)\b(?:code|error)[\s:=]{1,2}['\"]?([0-9][0-9A-Z]{4}|XX\d{3})\b(?!\.)"),
     "SQLSTATE"),
    (re.compile(rf"\b({_ERRNO})\b"), ""),
    (re.compile(r"\[Errno (-?\d{1,3})\]"), "errno"),
    (re.compile(r"^(?:\w+: )?([45]\d\d) "), ""),
)  # fmt: skip


_MAY_BE_CODE = re.compile(r"\d{2}|E[A-Z]{2}|\[Errno|(?i:sqlstate)|XX")


def _code(line: str) -> str:
    if not _MAY_BE_CODE.search(line):
        return ""
    for pattern, kind in _CODES:
        if found := pattern.search(line):
            return " ".join((kind, *found.groups()) if kind else found.groups())
    return ""


# One pass, the surest first. A code keeps its words, in front of all; plain words are passed over.
_VARIES = re.compile(
    r"""
      (?P<keep> \b[245]\d\d[\ -][245]\.\d{1,3}\.\d{1,3}\b | \[Errno\ -?\d{1,3}\]
              | \([245]\d\d,(?=\ b?['"]) | \b[245]\.\d\.\d{1,2}\b
              | (?i:\bsqlstate[\s:=\[('"]{1,3}[0-9A-Z]{5}\b)
              | (?i:\bhttp(?:/\d(?:\.\d)?)?(?:\ status)?(?:\ code)?[\s:=]{1,2}[1-5]\d\d\b)
              | (?i:\bstatus(?:[\ _]?code)?[\s:=]{1,2}['"]?[1-5]\d\d\b)
              | \b[45]\d\d\ (?=[A-Z][a-z]) | (?:^|(?<=:\ ))[245]\d\d(?=[\ -][A-Za-z])
              | (?i:\b(?:code|error)[\s:=]{1,2}['"]?[0-9][0-9A-Z]{4}\b) )
    | (?P<plain> (?!localhost\b)[A-Za-z]+(?=[\ ,;)]|:\ |$) )
    | (?P<url> \b[a-z][a-z0-9+.-]{1,20}://[^\s'"<>)\]]+ )
    | (?P<email> [\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+ )
    | (?P<tag> \b(?:email|phone|card|token|password|secret|key|jwt|upi|aadhaar|pan|otp|url|ip)
               :[0-9a-f•*]{6,12}(?![0-9A-Za-z]) )
    | (?P<uuid> \b[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\b )
    | (?P<time> \b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)? )
    | (?P<host> \b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b | \[[0-9a-fA-F:]{2,45}\](?::\d{1,5})?
              | \b(?:[a-zA-Z0-9-]{1,63}\.)+(?:com|net|org|io|in|dev|local|internal|test|co|app|cloud
                |lan|svc|cluster)\b(?::\d{1,5})? | \blocalhost(?::\d{1,5})?\b )
    | (?P<path> (?<![\w.<])(?:[A-Za-z]:)?(?:[\\/][\w.@+-]{1,255}){2,}[\\/]?
              | (?<![\w.<])/[\w.-]{2,}\b )
    | (?P<quoted> (?<!\w)'(?:[^'\\\n]|\\.){1,400}'(?!\w) | "(?:[^"\\\n]|\\.){1,400}"
              | `[^`\n]{1,400}` )
    | (?P<hex> \b0x[0-9a-fA-F]+\b | \b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b )
    | (?P<id> \b(?=[A-Za-z]*[_-]?[A-Za-z]*\d)[A-Za-z]{1,20}[_-]?[A-Za-z]{0,20}\d[\w-]{2,}\b )
    | (?P<n> [-+]?\b\d[\d,]*(?:\.\d+)?(?=[a-z%]{0,3}\b) )
    """,
    re.VERBOSE,
)  # fmt: skip

_SAID = re.compile(r"[245]\d\d[ -]|[245]\.\d{1,3}\.\d{1,3}[ -]")


def normalised(line: str) -> str:
    """A message without what differs between two failures of one kind."""
    return _VARIES.sub(_placeholder, line)


def _placeholder(found: re.Match[str]) -> str:
    kind = found.lastgroup or ""
    words = found[0]
    if kind in ("keep", "plain"):
        return words
    if kind == "tag":
        return f"<{words.partition(':')[0]}>"
    if kind == "quoted":
        said = words[1:-1]
        if _SAID.match(said):  # what a server said
            return f"{words[0]}{_VARIES.sub(_placeholder, said)}{words[0]}"
        return "<value>"
    return f"<{kind}>"
