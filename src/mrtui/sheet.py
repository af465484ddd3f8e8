"""The CSS of the app, each source of which is parsed once for a theme."""

from __future__ import annotations

from textual.css.stylesheet import Stylesheet


class Sheet(Stylesheet):
    """Keeps what it has parsed, where Textual's parses every source anew.

    Textual does so when the theme is set, also to the one that it is, and when a screen brings a
    file: three times before home is seen.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parsed_with = variables

    def set_variables(self, variables: dict[str, str]) -> None:
        """Forget what was parsed, if the variables are others."""
        if variables != self._parsed_with:
            self._parsed_with = variables
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is not parsed yet; StylesheetError, and the rules as before, if it cannot."""
        self.parse()
