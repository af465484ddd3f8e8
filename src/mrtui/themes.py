"""Themes from TOML files: the package's own, then a person's; a bad one is told and left out."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from textual.app import App
from textual.color import Color, ColorParseError
from textual.theme import Theme

from mrcore import errors

DEFAULT: Final = "calm"
ANSI: Final = "ansi"

_COLOURS: Final = frozenset(
    (
        *("primary", "secondary", "warning", "error", "success", "accent"),
        *("foreground", "background", "surface", "panel", "boost"),
    )
)
_REQUIRED: Final = _COLOURS - {"boost"}
_STATES: Final = tuple(
    f"state-{word}" for word in ("ok", "warn", "bad", "unknown", "stale", "dim", "accent")
)
_PLACES: Final = tuple(
    f"{place}-{part}"
    for place in ("cursor", "bar", "key", "match")
    for part in ("background", "foreground")
)
COLOUR_VARIABLES: Final = (*_STATES, *_PLACES, "head-foreground")
STYLE_VARIABLES: Final = ("cursor-style", "bar-style", "head-style", "key-style", "match-style")
_GUTTERS: Final = (
    *("scrollbar-background", "scrollbar-background-hover", "scrollbar-background-active"),
    "scrollbar-corner-color",
)
_STYLES: Final = frozenset(("none", "bold", "dim", "italic", "underline", "reverse"))


class Loaded(NamedTuple):
    """The themes that are good, and a sentence for each that is not."""

    themes: dict[str, Theme]
    problems: tuple[str, ...]


def choose(wanted: str, names: Collection[str]) -> str:
    """The theme that is wanted, or the default.

    Raises SettingsError when there is none of that name.
    """
    if wanted and wanted not in names:
        there = ", ".join(sorted(names))
        raise errors.SettingsError(f"There is no theme {wanted!r}.", fix=f"There are {there}.")
    return wanted or DEFAULT


def own_folder() -> Path:
    """Where the package's themes are: inside the wheel, or at the root of the repository."""
    packed = resources.files("mrtui") / "themes"
    if packed.is_dir():
        return Path(str(packed))
    return Path(__file__).resolve().parents[2] / "themes"


def user_folder() -> Path:
    """Where a person's own themes are."""
    import platformdirs  # only wanted once there is a screen

    return platformdirs.user_config_path("mr") / "themes"


def parse(text: str, where: str) -> Theme:
    """Return the theme that a TOML text describes; SettingsError names the file and the key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise errors.SettingsError(f"Theme {where} is not TOML: {error}.") from error
    variables = table.pop("variables", {})
    if not isinstance(variables, dict):
        raise errors.SettingsError(f"Theme {where}: variables must be a table.")
    known = _COLOURS | {"name", "dark", "ansi"}
    _only(table, known, where)
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise errors.SettingsError(f"Theme {where}: name must be a text.")
    for key in ("dark", "ansi"):
        if not isinstance(table.get(key, False), bool):
            raise errors.SettingsError(f"Theme {where}: {key} must be true or false.")
    for key in sorted(_REQUIRED - table.keys()):
        raise errors.SettingsError(f"Theme {where}: {key} is missing.")
    for key in sorted(_COLOURS & table.keys()):
        _colour(table[key], key, where)
    gutters = dict.fromkeys(_GUTTERS, table["background"])  # Textual's are darker: black
    return Theme(**table, variables={**gutters, **_variables(variables, where)})


def load(folder: Path) -> Loaded:
    """Read every `*.toml` of a folder; a folder that is not there has no themes."""
    found: dict[str, Theme] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            theme = parse(path.read_text("utf-8"), str(path))
        except errors.SettingsError as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"Theme {path} could not be read: {error}.")
        else:
            found[theme.name] = theme
    return Loaded(found, tuple(problems))


def load_all(user: Path | None = None) -> Loaded:
    """The package's themes and a person's own, which win by name."""
    own = _own()
    theirs = load(user_folder() if user is None else user)
    return Loaded({**own.themes, **theirs.themes}, (*own.problems, *theirs.problems))


def install(app: App[Any], loaded: Loaded) -> None:
    """Make the themes known to an app; the active one is drawn anew when it changed."""
    active = app.available_themes.get(app.theme)
    for theme in loaded.themes.values():
        app.register_theme(theme)
    if active is not None and loaded.themes.get(app.theme, active) != active:
        app.refresh_css(animate=False)


@functools.cache
def variable_defaults() -> dict[str, str]:
    """For `App.get_theme_variable_defaults`: our variables, for themes that do not know them."""
    variables = _own().themes[DEFAULT].variables
    kept = {name: value for name, value in variables.items() if name not in _GUTTERS}
    return {**kept, "ansi-background": "ansi_default"}  # Textual's CSS wants it of every theme


@functools.cache
def _own() -> Loaded:
    return load(own_folder())


def _only(table: dict[str, Any], known: frozenset[str], where: str) -> None:
    for key in table:
        if key not in known:
            names = ", ".join(sorted(known))
            raise errors.SettingsError(
                f"Theme {where}: {key} is not a key of a theme.", fix=f"Use one of: {names}."
            )


def _colour(value: object, key: str, where: str) -> None:
    try:
        Color.parse(value if isinstance(value, str) else "")
    except ColorParseError as error:
        raise errors.SettingsError(
            f"Theme {where}: {key} = {value!r} is not a colour.",
            fix='Write "#rrggbb", a name of the CSS colours, or "ansi_red".',
        ) from error


def _variables(variables: dict[str, Any], where: str) -> dict[str, str]:
    allowed = frozenset(COLOUR_VARIABLES) | frozenset(STYLE_VARIABLES)
    for key, value in variables.items():
        if key in STYLE_VARIABLES:
            if not isinstance(value, str) or not set(value.split()) <= _STYLES or not value:
                words = ", ".join(sorted(_STYLES))
                raise errors.SettingsError(
                    f"Theme {where}: variables.{key} = {value!r} is not a style.",
                    fix=f"Use words of: {words}.",
                )
        elif key in allowed or not key.startswith(("state-", "cursor-", "bar-", "key-", "match-")):
            _colour(value, f"variables.{key}", where)
        else:
            _only({key: value}, allowed, where)
    for key in (*COLOUR_VARIABLES, *STYLE_VARIABLES):
        if key not in variables:
            raise errors.SettingsError(f"Theme {where}: variables.{key} is missing.")
    return {key: str(value) for key, value in variables.items()}
