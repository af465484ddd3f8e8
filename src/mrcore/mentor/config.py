"""What Mr. Mentor's processes are told, under the playbook's own environment names."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from mrcore import errors
from mrcore.mentor import release


@dataclass(frozen=True)
class Database:
    """`DB_HOST DB_PORT DB_USERNAME DB_PASSWORD DB_NAME`."""

    host: str
    port: int
    username: str
    password: SecretStr
    name: str

    def options(self, application: str) -> dict[str, Any]:
        """Arguments of `asyncpg.connect`; `application` is what Postgres shows of us."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.username,
            "password": self.password.get_secret_value(),
            "database": self.name,
            "server_settings": {"application_name": application},
        }


@dataclass(frozen=True)
class Redis:
    """`REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_DB`."""

    host: str
    port: int
    password: SecretStr
    db: int

    def options(self) -> dict[str, Any]:
        """Arguments of a redis-py connection pool."""
        password = self.password.get_secret_value()
        return {"host": self.host, "port": self.port, "password": password or None, "db": self.db}


@dataclass(frozen=True)
class Email:
    """`EMAIL_HOST EMAIL_PORT EMAIL_USER EMAIL_PASS`."""

    host: str
    port: int
    user: str
    password: SecretStr


@dataclass(frozen=True)
class Config:
    """Everything that a process of Mr. Mentor reads from its environment."""

    database: Database
    redis: Redis
    email: Email
    environment: str
    release: release.Release
    health: str
    jwt_secret: SecretStr
    secret: str = ""
    secret_version: str = ""
    """Which secret of the manager was read at the start, and its version; "" for none."""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Config:
        """Read the environment; what is absent is as the playbook has it on one machine.

        Raises SettingsError that names the variable when a number is none, or a choice unknown.
        """
        health = env.get("MR_HEALTH") or "deep"
        if health not in ("deep", "shallow"):
            raise errors.SettingsError(f"MR_HEALTH is {health!r}.", fix="Use deep or shallow.")
        return cls(
            database=Database(
                host=env.get("DB_HOST") or "127.0.0.1",
                port=number(env, "DB_PORT", 5432),
                username=env.get("DB_USERNAME") or "mentor_app",
                password=SecretStr(env.get("DB_PASSWORD", "")),
                name=env.get("DB_NAME") or "mentor",
            ),
            redis=Redis(
                host=env.get("REDIS_HOST") or "127.0.0.1",
                port=number(env, "REDIS_PORT", 6379),
                password=SecretStr(env.get("REDIS_PASSWORD", "")),
                db=number(env, "REDIS_DB", 0),
            ),
            email=Email(
                host=env.get("EMAIL_HOST") or "127.0.0.1",
                port=number(env, "EMAIL_PORT", 587),
                user=env.get("EMAIL_USER", ""),
                password=SecretStr(env.get("EMAIL_PASS", "")),
            ),
            environment=env.get("NODE_ENV") or "development",
            release=release.Release.read(env),
            health=health,
            # Without one, tokens end with the process and no other colour takes them.
            jwt_secret=SecretStr(env.get("JWT_SECRET") or secrets.token_hex(32)),
            secret=f"mr-mentor-backend/{env.get('NODE_ENV') or 'development'}"
            if env.get("MR_SECRET_VERSION")
            else "",
            secret_version=env.get("MR_SECRET_VERSION", ""),
        )


def number(env: Mapping[str, str], name: str, default: int) -> int:
    """The whole number in the variable `name`.

    Raises SettingsError that names it when it is none.
    """
    text = env.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise errors.SettingsError(
            f"{name} is {text!r}, which is not a number.", fix=f"Set {name} to a number."
        ) from None
