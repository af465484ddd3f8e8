"""Text to tree: a Pratt parser that checks types as it goes."""

from __future__ import annotations

from mrcore.expr import tokens, tree, units, windows, words

DEPTH_MAX = 40

NAMESAKE = "name"
"""In brackets: of the thing that has the subject's name."""

_POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys((*tree.COMPARISONS, "in"), 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
_NOT, _SIGN = 3, 7
_ALIKE = ("and", "or")


class Parser:
    """One text; `node()` reads an operand and what binds tighter than `least`.

    Times in it are divided by `time_scale`, but for those in ms, which are of what is measured,
    and those of rates.
    """

    def __init__(self, text: str, time_scale: float = 1.0) -> None:
        self._scale = time_scale
        self._tokens = list(tokens.read(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> tree.Node:
        """The tree of the whole text. Raises ExpressionError."""
        found = self.node(0)
        if self.here.sort != "end":
            raise self.here.place.wrong(f"{self.here.text!r} is not expected here.")
        return found

    @property
    def here(self) -> tokens.Token:
        """The token that is next."""
        return self._tokens[self._at]

    def take(self) -> tokens.Token:
        """The token that is next, and go on behind it."""
        found = self.here
        self._at += found.sort != "end"
        return found

    def need(self, sign: str) -> tokens.Token:
        """Take a sign that has to be there."""
        if self.here.sort != "sign" or self.here.text != sign:
            got = repr(self.here.text) if self.here.text else "the end"
            raise self.here.place.wrong(f"A {sign!r} is missing before {got}.")
        return self.take()

    def node(self, least: int) -> tree.Node:
        """An operand with every operator that binds tighter than `least`."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self.here.place.wrong(f"It is nested deeper than {DEPTH_MAX} levels.")
        left = self._prefix()
        while (power := _POWER.get(self.here.text, 0)) > least and self.here.sort in (
            "sign",
            "word",
        ):
            left = self._infix(left, self.take(), power)
        self._depth -= 1
        return left

    def _prefix(self) -> tree.Node:
        token = self.take()
        if token.sort == "number":
            return _number(token, self._scale)
        if token.sort == "text":
            return tree.Constant(token.text, words.TEXT)
        if token.sort == "word":
            return self._word(token)
        if token.text == "(":
            found = self.node(0)
            self.need(")")
            return found
        if token.text == "-":
            found = self.node(_SIGN)
            _is_number(found, token, "-")
            zero = tree.Constant(0.0, found.type)
            return tree.Reckon((zero, found), "-", found.type)
        got = repr(token.text) if token.text else "the end"
        raise token.place.wrong(f"A value is missing before {got}.")

    def _word(self, token: tokens.Token) -> tree.Node:
        if token.text in ("true", "false"):
            return tree.Constant(token.text == "true", words.TRUTH)
        if token.text == "not":
            found = self.node(_NOT)
            _is_truth(found, token)
            return tree.Not(found)
        if self.here.text == "(" and "." not in token.text:
            return self._call(token)
        return self._name(token)

    def _name(self, token: tokens.Token) -> tree.Node:
        word = words.WORDS.get(token.text)
        if word is None:
            fix = words.nearest(token.text, words.WORDS)
            raise token.place.wrong(f"There is no metric or fact {token.text!r}.", fix)
        named = variable = ""
        namesake = False
        if self.here.sort == "sign" and self.here.text == "[":
            self.take()
            label = self._label()
            if label.sort == "text":
                named = label.text
            else:
                namesake = label.text == NAMESAKE
                variable = "" if namesake else label.text
            self.need("]")
        elif self.here.sort == "sign" and self.here.text == "@":
            self.take()
            named = self._label().text
        return tree.Name(word, token.place, named, variable, namesake)

    def _label(self) -> tokens.Token:
        found = self.take()
        if found.sort not in ("word", "text") or not found.text:
            raise found.place.wrong("A selector is a word, or a text in quotes.")
        return found

    def _call(self, token: tokens.Token) -> tree.Node:
        function = windows.FUNCTIONS.get(token.text)
        if function is None and token.text not in ("absent", "abs"):
            known = (*windows.FUNCTIONS, "absent", "abs")
            fix = words.nearest(token.text, known) or f"The functions are {', '.join(known)}."
            raise token.place.wrong(f"There is no function {token.text!r}.", fix)
        self.need("(")
        if function is not None:
            return self._window(function)
        of = self.node(0)
        self.need(")")
        if token.text == "absent":
            return tree.Absent(of)
        _is_number(of, token, "abs")
        return tree.Absolute(of)

    def _window(self, function: windows.Function) -> tree.Node:
        place, of = self.here.place, self.node(0)
        if not isinstance(of, tree.Name) or of.word.read is not None:
            raise place.wrong(f"{function.id} takes a metric: only these have a history.")
        self.need(",")
        place = self.here.place
        window = self.node(0)
        if not isinstance(window, tree.Constant) or window.type.unit != units.TIME:
            raise place.wrong(f"{function.id} takes a time next, for example 10m.")
        window_s = float(window.is_)
        if not 0 < window_s <= windows.WINDOW_MAX_S:
            raise place.wrong("A window is at most 1h: so far back go the points in memory.")
        self.need(")")
        return tree.Window(function, of, window_s)

    def _infix(self, left: tree.Node, token: tokens.Token, power: int) -> tree.Node:
        if token.text == "in":
            return self._among(left, token)
        right = self._right(left, token, power)
        if token.text in _ALIKE:
            _is_truth(left, token)
            _is_truth(right, token)
            return tree.Both((left, right), token.text == "or")
        if token.text in tree.COMPARISONS:
            _comparable(left, right, token)
            if _POWER.get(self.here.text) == power:
                raise self.here.place.wrong("Comparisons do not follow each other: use and.")
            return tree.Compare((left, right), tree.COMPARISONS[token.text])
        return _reckoned(left, right, token)

    def _right(self, left: tree.Node, token: tokens.Token, power: int) -> tree.Node:
        """What follows a sign; of a rate (`5/1m`) the time is as it stands there."""
        held = self._scale
        if token.text == "/" and not left.type.unit.time:
            self._scale = 1.0
        found = self.node(power)
        self._scale = held
        return found

    def _among(self, left: tree.Node, token: tokens.Token) -> tree.Node:
        self.need("(")
        these = []
        while True:
            place, found = self.here.place, self.node(0)
            if not isinstance(found, tree.Constant):
                raise place.wrong("What follows `in` are constants.")
            if found.type != left.type:
                raise place.wrong(f"This is {found.type.said}, and before is {left.type.said}.")
            these.append(found.is_)
            if self.here.text != ",":
                break
            self.take()
        self.need(")")
        return tree.Among(left, frozenset(these))


def _number(token: tokens.Token, time_scale: float) -> tree.Constant:
    value = float(token.text)
    if not token.unit:
        return tree.Constant(value, words.NUMBER)
    if token.unit not in units.SUFFIXES:
        fix = words.nearest(token.unit, units.SUFFIXES)
        known = ", ".join(units.SUFFIXES)
        raise token.place.wrong(f"There is no unit {token.unit!r}.", fix or f"Known: {known}.")
    unit, scale = units.SUFFIXES[token.unit]
    if unit == units.TIME and token.unit != "ms":
        scale /= time_scale
    return tree.Constant(value * scale, words.Type(words.Sort.NUMBER, unit))


def _is_number(node: tree.Node, token: tokens.Token, what: str) -> None:
    if node.type.sort is not words.Sort.NUMBER:
        raise token.place.wrong(f"{what} takes numbers, and this is {node.type.said}.")


def _is_truth(node: tree.Node, token: tokens.Token) -> None:
    if node.type.sort is not words.Sort.TRUTH:
        raise token.place.wrong(
            f"{token.text} takes what is true or false, and this is {node.type.said}.",
            "Compare it with something.",
        )


def _comparable(left: tree.Node, right: tree.Node, token: tokens.Token) -> None:
    if left.type != right.type:
        raise token.place.wrong(
            f"{left.type.said} and {right.type.said} cannot be compared.".capitalize(),
            _unit_fix(left.type, right.type),
        )
    if left.type.sort is not words.Sort.NUMBER and token.text not in ("==", "!="):
        raise token.place.wrong(f"{token.text} takes numbers, and this is {left.type.said}.")


def _unit_fix(left: words.Type, right: words.Type) -> str:
    """What to write where one side has a unit and the other has not."""
    wanted = {left.unit, right.unit} - {units.PLAIN}
    hints = {units.TIME: "120s", units.SIZE: "85MiB", units.RATE: "5/1m"}
    hint = next((hints[unit] for unit in wanted if unit in hints), "")
    return f"Write the unit, for example {hint}." if hint else ""


def _reckoned(left: tree.Node, right: tree.Node, token: tokens.Token) -> tree.Node:
    _is_number(left, token, token.text)
    _is_number(right, token, token.text)
    one, two = left.type.unit, right.type.unit
    if token.text in "+-" and one != two:
        raise token.place.wrong(
            f"{left.type.said} and {right.type.said} cannot be added.".capitalize(),
            _unit_fix(left.type, right.type),
        )
    unit = one.times(two) if token.text == "*" else one.over(two) if token.text == "/" else one
    typed = words.Type(words.Sort.NUMBER, unit)
    if isinstance(left, tree.Constant) and isinstance(right, tree.Constant):
        found = tree.Reckon((left, right), token.text, typed)
        if token.text == "/" and not right.is_:
            raise token.place.wrong("This divides by zero.")
        value = tree.ARITHMETIC[found.sign](float(left.is_), float(right.is_))
        return tree.Constant(value, typed)
    return tree.Reckon((left, right), token.text, typed)
