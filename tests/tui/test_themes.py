"""Themes: readable, complete, and refused with a sentence when they are not right."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.color import Color
from textual.theme import Theme

from mrcore import errors
from mrtui import themes

CALM = (themes.own_folder() / "calm.toml").read_text("utf-8")
OWN = themes.load(themes.own_folder())
SHIPPED = sorted(OWN.themes)


def luminance(colour: Color) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = (value / 255 for value in (colour.r, colour.g, colour.b))
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted(luminance(Color.parse(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_the_package_ships_five_good_themes() -> None:
    assert not OWN.problems
    assert SHIPPED == ["amber", "ansi", "calm", "contrast", "light"]


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "ansi"])
def test_every_word_can_be_read_on_every_ground(name: str) -> None:
    theme = OWN.themes[name]
    least = 7.0 if name == "contrast" else 4.5
    words = theme.variables
    grounds = [theme.background, theme.surface, theme.panel, words["cursor-background"]]
    inks = [theme.foreground, *(words[key] for key in words if key.startswith("state-"))]
    inks.append(words["head-foreground"])
    for ground in grounds:
        for ink in inks:
            assert ground is not None
            assert ink is not None
            assert contrast(ink, ground) >= least, f"{ink} on {ground}"
    for place in ("bar", "key", "cursor", "match"):
        ink, ground = words[f"{place}-foreground"], words[f"{place}-background"]
        assert contrast(ink, ground) >= least, place


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "ansi"])
def test_the_states_mean_the_same_hue_everywhere(name: str) -> None:
    words = OWN.themes[name].variables
    hue = {
        word: Color.parse(words[f"state-{word}"]).hsl.h * 360 for word in ("ok", "warn", "unknown")
    }
    assert 65 <= hue["ok"] <= 150, "ok is green"
    assert 30 <= hue["warn"] <= 60, "warn is yellow"
    assert 250 <= hue["unknown"] <= 300, "unknown is violet"
    bad = Color.parse(words["state-bad"]).hsl.h * 360
    assert bad >= 340 or bad <= 20, "bad is red"


def test_ansi_uses_the_sixteen_colours_only() -> None:
    theme = OWN.themes["ansi"]
    assert theme.ansi
    assert all(
        theme.variables[key].startswith("ansi_")
        for key in themes.COLOUR_VARIABLES
        if key in theme.variables
    )


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ('primary = "#7aa2c8"', 'primary = "blurple"', ["primary", "blurple", "#rrggbb"]),
        ('primary = "#7aa2c8"', "primary = 3", ["primary", "3"]),
        ('primary = "#7aa2c8"', "", ["primary", "missing"]),
        ("dark = true", 'dark = "yes"', ["dark", "true or false"]),
        ('name = "calm"', "name = 1", ["name"]),
        ("[variables]", '[variables]\nstate-fine = "#ffffff"', ["state-fine", "state-ok"]),
        ("[variables]", '[variables]\nborder = "puce-ish"', ["variables.border"]),
        ('cursor-style = "none"', 'cursor-style = "blink"', ["cursor-style", "reverse"]),
        ('cursor-style = "none"', "", ["cursor-style", "missing"]),
        ('name = "calm"', 'name = "calm"\nshiny = 1', ["shiny"]),
        ("[variables]", "[variables", ["TOML"]),
    ],
)
def test_a_bad_theme_is_refused_with_its_file_and_key(
    tmp_path: Path, before: str, after: str, names: list[str]
) -> None:
    assert before in CALM
    (tmp_path / "mine.toml").write_text(CALM.replace(before, after, 1))
    loaded = themes.load(tmp_path)
    assert not loaded.themes
    (problem,) = loaded.problems
    assert str(tmp_path / "mine.toml") in problem
    for name in names:
        assert name in problem


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    assert "could not be read" in themes.load(tmp_path).problems[0]


def test_a_person_s_theme_wins_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CALM.replace("#7aa2c8", "#123456"))
    loaded = themes.load_all(tmp_path)
    assert loaded.themes["calm"].primary == "#123456"
    assert "light" in loaded.themes


def test_parse_raises_with_a_fix() -> None:
    with pytest.raises(errors.SettingsError, match="CSS colours"):
        themes.parse(CALM.replace("#14181d", "sky", 1), "here")


async def test_a_reload_keeps_the_old_theme_when_the_new_one_is_bad(tmp_path: Path) -> None:
    class Bare(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return themes.variable_defaults()

    app = Bare()
    async with app.run_test():
        themes.install(app, OWN)
        app.theme = "calm"
        good: Theme = app.available_themes["calm"]
        (tmp_path / "calm.toml").write_text(CALM.replace("#7aa2c8", "nothing"))
        themes.install(app, themes.load(tmp_path))
        assert app.available_themes["calm"] is good
        (tmp_path / "calm.toml").write_text(CALM.replace("#14181d", "#101010"))
        themes.install(app, themes.load(tmp_path))
        assert app.available_themes["calm"].background == "#101010"
        assert app.screen.styles.background == Color.parse("#101010")
