"""Where everything in one stack is reached, with the credentials to reach it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from mrcore import errors
from mrcore.settings import StackSettings
from mrcore.stack import credentials, services

DATABASE = "mentor"
APP_ROLE = "mentor_app"
WATCHER_ROLE = "mr_watcher"
COLOURS = ("blue", "green")


@dataclass(frozen=True)
class Server:
    """A Postgres or Redis by URL; `own` is one that the stack starts itself."""

    url: str
    own: bool

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        default = 5432 if self.url.startswith("postgres") else 6379
        return urlsplit(self.url).port or default

    @property
    def password(self) -> str:
        return unquote(urlsplit(self.url).password or "")

    @property
    def path(self) -> str:
        """The database in the URL, without its slash."""
        return urlsplit(self.url).path.lstrip("/")

    def database(self, name: str) -> str:
        """The same server and login, another database."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def other(self, user: str, password: str, path: str) -> str:
        """The same server for another login and database; its query stays."""
        parts = urlsplit(self.url)
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{quote(user)}:{quote(password)}@{host}:{self.port}"
        return urlunsplit(parts._replace(netloc=place, path=f"/{path}"))


@dataclass(frozen=True)
class Addresses:
    """Ports are on 127.0.0.1; `backends` are URLs by colour."""

    control_port: int
    postgres: Server
    redis: Server
    smtp_port: int
    upstreams_port: int
    turn_port: int
    switch_port: int
    backend_ports: dict[str, int]

    @property
    def control(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    @property
    def switch(self) -> str:
        return f"http://127.0.0.1:{self.switch_port}"

    @property
    def backends(self) -> dict[str, str]:
        return {colour: f"http://127.0.0.1:{port}" for colour, port in self.backend_ports.items()}


def choose(stack: StackSettings, words: credentials.Credentials) -> Addresses:
    """Free ports for what is started here, and the given URLs for what is not.

    Raises SettingsError when a given URL is not one of a Postgres or of a Redis.
    """
    ports = services.free_ports(7 + len(COLOURS))
    own = f"postgresql://{services.SUPERUSER}:{words.postgres}@127.0.0.1:{ports[0]}/postgres"
    own_redis = f"redis://:{words.redis}@127.0.0.1:{ports[1]}/0"
    return Addresses(
        control_port=ports[2],
        postgres=_server("postgres", stack.postgres.get_secret_value(), own),
        redis=_server("redis", stack.redis.get_secret_value(), own_redis),
        smtp_port=ports[3],
        switch_port=ports[4],
        upstreams_port=ports[5],
        turn_port=ports[6],
        backend_ports=dict(zip(COLOURS, ports[7:], strict=True)),
    )


def _server(name: str, given: str, own: str) -> Server:
    if not given:
        return Server(own, own=True)
    schemes = {"postgres": ("postgres", "postgresql"), "redis": ("redis", "rediss")}[name]
    try:
        right = urlsplit(given).scheme in schemes and (urlsplit(given).port or 1) > 0
    except ValueError:
        right = False
    if not right or not urlsplit(given).hostname:
        raise errors.SettingsError(
            f"stack.{name} is not the URL of a server.",
            fix=f"Write it as {schemes[-1]}://user:password@host:port/database.",
        )
    return Server(given, own=False)
