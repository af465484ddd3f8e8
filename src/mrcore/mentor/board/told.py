"""What the board is told: its one login, and where the core is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from mrcore import client, errors


@dataclass(frozen=True)
class Told:
    """`BULL_BOARD_USERNAME BULL_BOARD_PASSWORD MR_CORE_URL MR_CORE_TOKEN_FILE MR_CORE_CA`."""

    username: str
    password: SecretStr
    url: str
    token_file: Path | None
    ca: Path | None

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Told:
        """Read the environment; the board is off until it says both name and password."""
        token, ca = env.get("MR_CORE_TOKEN_FILE", ""), env.get("MR_CORE_CA", "")
        return cls(
            username=env.get("BULL_BOARD_USERNAME", ""),
            password=SecretStr(env.get("BULL_BOARD_PASSWORD", "")),
            url=env.get("MR_CORE_URL", ""),
            token_file=Path(token) if token else None,
            ca=Path(ca) if ca else None,
        )

    @property
    def is_on(self) -> bool:
        """Whether a login is set: there is no default password."""
        return bool(self.username and self.password.get_secret_value())

    def connect(self) -> client.CoreClient:
        """A new client of the core. Raises CoreUnreachable that names what is not set or wrong."""
        if not self.url:
            raise errors.CoreUnreachable(
                "This backend knows no core.", fix="Set MR_CORE_URL and MR_CORE_TOKEN_FILE."
            )
        return client.CoreClient.at(url=self.url, token=self._token(), ca=self.ca)

    def _token(self) -> str:
        if self.token_file is None:
            return ""
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise errors.CoreUnreachable(
                f"The token of this backend cannot be read: {error.strerror}.",
                fix="MR_CORE_TOKEN_FILE names its file; mrcore token create makes one.",
            ) from error


class Link:
    """The one client of a backend: made when it is first needed, anew when its token was refused.

    The core need not run when the backend starts.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._client: client.CoreClient | None = None

    def client(self) -> client.CoreClient:
        """The client. Raises CoreUnreachable."""
        if self._client is None:
            self._client = self._told.connect()
        return self._client

    async def close(self) -> None:
        """Close it; the next question opens another, with the token as it is then."""
        held, self._client = self._client, None
        if held is not None:
            await held.__aexit__()
