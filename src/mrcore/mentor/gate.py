"""The playbook's `authMiddleware` and `adminMiddleware`, as dependencies of routes."""

from __future__ import annotations

import fastapi

from mrcore.mentor import identity, jwt

_BEARER = {"www-authenticate": "Bearer"}


class Gate:
    """Lets requests in by their bearer token."""

    def __init__(self, people: identity.Identity) -> None:
        self._people = people

    async def anyone(self, request: fastapi.Request) -> jwt.Claims:
        """Whoever has a token. Raises HTTPException 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise fastapi.HTTPException(401, "Authentication required", _BEARER)
        try:
            return await self._people.who(token.strip())
        except jwt.Refused as error:
            raise fastapi.HTTPException(401, str(error), _BEARER) from None

    async def admin(self, request: fastapi.Request) -> jwt.Claims:
        """Whoever has an admin's token. Raises HTTPException 401, 403."""
        claims = await self.anyone(request)
        if claims.role not in identity.ADMINS:
            raise fastapi.HTTPException(403, "Admin access required")
        return claims


def where(request: fastapi.Request) -> identity.Where:
    """Where a request came from."""
    address = request.client.host if request.client else "unknown"
    return identity.Where(address, request.headers.get("user-agent", "")[:500])
