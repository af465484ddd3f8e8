"""Who may read what the core has on record of people: the audit, and whose tokens there are."""

from __future__ import annotations

from mrcore import errors
from mrcore.model import base, ref
from mrcore.trust import auth

SOURCE = "core"

_COLLECTIONS = {"audit": "the audit", "tokens": "the tokens"}
_KINDS = {"audit": "the audit", "token": "the tokens"}
_ROLES = ("auditor", "operator")  # which an admin has too


def check(login: auth.Login, address: base.Ref, collection: str = "") -> None:
    """Raise Forbidden for a login that may only look at what is watched.

    `address` is of a record, or with `collection` of the owner of one.
    """
    found = ref.parse(address)
    if found.source != SOURCE:
        return
    what = _COLLECTIONS.get(collection) if collection else _KINDS.get(found.kind)
    if what and not any(map(login.may, _ROLES)):
        raise errors.Forbidden(
            f"{login.name} may not read {what}, which needs the role auditor, operator or admin."
        )
