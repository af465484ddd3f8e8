"""How a child is started: it dies with its parent, and Postgres never runs as root."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


_LIBC = _libc()


def unprivileged() -> pwd.struct_passwd | None:
    """Whom a server that refuses root runs as: None unless we are root."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def before_exec(
    death_signal: signal.Signals = signal.SIGKILL, *, drop_root: bool = False
) -> Callable[[], None]:
    """A `preexec_fn` that ties the child's life to ours (Linux) and, if asked, leaves root.

    A child that leaves root keeps CAP_DAC_OVERRIDE where it can, because its binary and its data
    may lie in a folder that only root can enter (a clone in /root). The death signal is set last:
    the kernel clears it when credentials change.
    """
    parent = os.getpid()
    user = unprivileged() if drop_root else None

    def prepare() -> None:
        if user is not None:
            _become(user)
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _become(user: pwd.struct_passwd) -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Without this bit access(2), by which initdb looks for its postgres, ignores capabilities.
        _LIBC.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    if _LIBC is not None:
        header = _CapHeader(_CAP_VERSION_3, 0)
        mask = 1 << _CAP_DAC_OVERRIDE
        data = (_CapData * 2)(_CapData(mask, mask, mask), _CapData(0, 0, 0))
        if _LIBC.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
            _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def adopt_orphans() -> bool:
    """Make this process the parent of its descendants' orphans; False where Linux is not."""
    if _LIBC is None:
        return False
    return bool(_LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
