"""An arithmetic expression as people and small models write it, cut into tokens.

Numbers: `6731`, `6,731`, `1,23,456`, `50 000`, `1'000`, `1_000`, `1.234,56`, `12,50`, `2.5e-3`, `½`, `3½`. A comma separates arguments
inside the parentheses of a function that takes several: `max(1,234)` has two. Only where some commas there have a space behind them and
others none, the ones without are part of numbers: `sum(1,234, 5,678)`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from agentkit.errors import ToolError
from agentkit.tools.functions import FUNCTIONS

__all__ = ["Token", "tokenize"]

MAX_LITERAL = 1_000
"""How many digits a number may be written with, and how large its exponent may be."""

Kind = Literal["number", "name", "op", "end"]


@dataclass(frozen=True)
class Token:
    """A piece of an expression and where it begins, counted from 1."""

    kind: Kind
    text: str
    at: int
    value: Fraction = Fraction(0)


_FRACTIONS = {sign: Fraction(int(unicodedata.numeric(sign) * 120 + 0.5), 120) for sign in "½¼¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
"""120 is the common denominator."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SIGNS = str.maketrans(
    {
        sign: meant
        for signs, meant in (
            ("×·∙⋅∗•✕✖", "*"),
            ("÷∕⁄", "/"),
            ("−–—‐‑‒﹣－", "-"),
            ("＋", "+"),
            ("％", "%"),
            ("（", "("),
            ("）", ")"),
            ("［{", "["),
            ("］}", "]"),
            ("\u00a0\u202f\u2009\t\r\n", " "),
            ("’‘ʼ", "'"),
            ("π", " pi "),
            ("τ", " tau "),
            ("√", " sqrt "),
            ("∛", " cbrt "),
        )
        for sign in signs
    }
)
_WORDS = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), sign)
    for words, sign in (
        (r"(?:raised\s+)?to\s+the\s+power(?:\s+of)?", "^"),
        (r"divided\s+by|over|out\s+of", "/"),
        (r"multiplied\s+by|times", "*"),
        (r"per\s?cents?|pct", "%"),
        (r"(?:the\s+)?square\s+root(?:\s+of)?", " sqrt "),
        (r"(?:the\s+)?cube\s+root(?:\s+of)?", " cbrt "),
        (r"half\s+of", " 0.5 of "),
        (r"plus", "+"),
        (r"minus|negative", "-"),
        (r"squared", "²"),
        (r"cubed", "³"),
        (r"modulo", " mod "),
    )
)
_LEAD = re.compile(
    r"\s*(?:(?:what(?:'s|\s+is|\s+are)|how\s+much\s+is|calculate|compute|evaluate|solve|the\s+result\s+of)\s+)+|\s*=", re.IGNORECASE
)
_ASSIGNED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)")
_CURRENCY = re.compile(r"[$€£¥₹₽₩₪฿₺]|\b(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD)\b")

_BEFORE = re.compile(r"([A-Za-z_]\w*) *[(\[]$")
_SPACE = re.compile(r" +")
_NAME = re.compile(r"(?:(?:math|numpy|np|cmath)\.)?([A-Za-z_][A-Za-z_0-9]*)", re.IGNORECASE)
_OP = re.compile(r"\*\*|//|[-+*/^%!()\[\],;|°=]")
_SUPERSCRIPT = re.compile(r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN = re.compile(r"(\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+)(?![\w.]))?")
_GROUPED = re.compile(r"\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?(?![\d.'])")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d.]|,\d)|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?![\d.]|,\d)")
_EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+(?![\d,.])|\d{1,3}(?:\.\d{3}){2,}(?![\d.])")
_DECIMAL_COMMA = re.compile(r"\d+,\d+(?![\d,.])")


def tokenize(text: str) -> list[Token]:
    """Cut an expression into tokens; the last one has the kind `end`.

    Raises:
        ToolError: A character that has no place in an expression, or a number that is too long.

    >>> [token.text for token in tokenize("6,731 × 2²")]
    ['6731', '*', '2', '^', '2', '']
    """
    return list(_Lexer(_prepare(text)).tokens())


def _prepare(text: str) -> str:
    """Signs of one kind, words as signs, without what stands around the expression."""
    text = text.translate(_SIGNS).strip().rstrip("?;.").strip("`\"' ")
    for pattern, sign in _WORDS:
        text = pattern.sub(sign, text)
    text = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
    named = _ASSIGNED.match(text)
    text = text[named.end() :] if named and named[1].lower() not in FUNCTIONS else text
    left, sign, right = text.partition("=")
    # "3 + 4 =" and "3 + 4 = 7": what counts is the left side
    return _CURRENCY.sub(" ", left if sign and re.fullmatch(r"[\s?\d.,-]*", right) else text)


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.after_operand = False
        self.calls: list[Literal["none", "all", "spaced"]] = []
        """For each open bracket, which commas separate."""
        self.infix = False
        """Whether the last name stands between two operands, as in `7 mod (5)`."""

    def tokens(self) -> Iterator[Token]:
        while self.at < len(self.text):
            space = _SPACE.match(self.text, self.at)
            if space:
                self.at = space.end()
                continue
            for token in self.next():
                yield token
                ends = token.text in (")", "]", "%", "!", "°") or (token.kind == "name" and token.text not in FUNCTIONS)
                self.after_operand = ends or token.kind == "number"
        yield Token("end", "", len(self.text) + 1)

    def next(self) -> list[Token]:
        """The tokens at this place: one, or two for what stands for two."""
        character, start = self.text[self.at], self.at + 1
        if superscript := _SUPERSCRIPT.match(self.text, self.at):
            self.at = superscript.end()
            number = superscript[0].translate(_SUPERSCRIPTS)
            return [Token("op", "^", start), Token("number", number, start, Fraction(int(number)))]
        if character in _FRACTIONS or character.isdecimal() or (character == "." and self.text[self.at + 1 : self.at + 2].isdecimal()):
            return [self.number()]
        if character in "xX" and self.after_operand and re.match(r"[xX] *[\d.(\[$-]", self.text[self.at :]):
            self.at += 1
            return [Token("op", "*", start)]
        if name := _NAME.match(self.text, self.at):
            self.at = name.end()
            self.infix = self.after_operand and name[1].lower() == "mod"
            return [Token("name", name[1].lower(), start)]
        if op := _OP.match(self.text, self.at):
            self.at = op.end()
            self.bracket(op[0])
            return [Token("op", {"**": "^"}.get(op[0], op[0]), start)]
        raise ToolError(f"{character!r} at character {start} has no meaning here: use numbers, + - * / ^ % and functions such as sqrt(2)")

    def bracket(self, op: str) -> None:
        if op in "([":
            self.calls.append(self.commas())
        elif op in ")]" and self.calls:
            self.calls.pop()

    def commas(self) -> Literal["none", "all", "spaced"]:
        """Which commas separate within the bracket that has just been opened."""
        name = _BEFORE.search(self.text, max(0, self.at - 40), self.at)
        function = FUNCTIONS.get(name[1].lower()) if name and not self.infix else None
        listed = not name and bool(self.calls) and self.calls[-1] != "none"  # sum([1, 2]), sum((1, 2))
        if not listed and (function is None or function.most == 1):
            return "none"
        inside = _own_text(self.text, self.at)
        if ";" in inside:
            return "none"
        spaced, tight = re.search(r", ", inside), re.search(r",(?! )", inside)
        if tight and not spaced and re.search(r",0\d\d(?!\d)", inside):
            raise ToolError("it is not clear which commas separate: write numbers without thousands separators, as in sum(3062, 418)")
        return "spaced" if spaced and tight else "all"

    def number(self) -> Token:
        start = self.at + 1
        if self.text[self.at] in _FRACTIONS:
            return Token("number", self.text[self.at], start, self.fraction())
        value, text = self.digits()
        return Token("number", text, start, value + self.fraction() if self.text[self.at : self.at + 1] in _FRACTIONS else value)

    def fraction(self) -> Fraction:
        self.at += 1
        return _FRACTIONS[self.text[self.at - 1]]

    def digits(self) -> tuple[Fraction, str]:
        """A number at this place, and how it is written without separators."""
        commas = self.calls[-1] if self.calls else "none"
        if found := _GROUPED.match(self.text, self.at) or _EUROPEAN.match(self.text, self.at):
            self.at = found.end()
            text = found[0].replace(" ", "").replace("'", "")
            text = text.replace(".", "").replace(",", ".") if "," in text or text.count(".") > 1 else text
            return Fraction(text), text
        if commas != "all" and (found := _THOUSANDS.match(self.text, self.at)) and not found[0].startswith("0"):
            self.at = found.end()
            text = found[0].replace(",", "")
            return Fraction(text), text
        if commas == "none" and (found := _DECIMAL_COMMA.match(self.text, self.at)):
            self.at = found.end()
            text = found[0].replace(",", ".")
            return Fraction(text), text
        return self.plain()

    def plain(self) -> tuple[Fraction, str]:
        found = _PLAIN.match(self.text, self.at)
        assert found is not None, "the caller has seen a digit"
        self.at = found.end()
        digits, exponent = found[1].replace("_", ""), int(found[2] or 0) if len(found[2] or "") < 9 else MAX_LITERAL + 1
        if len(digits) > MAX_LITERAL or abs(exponent) > MAX_LITERAL:
            raise ToolError(f"the number at character {found.start() + 1} is too large: {MAX_LITERAL:,} digits are allowed")
        return Fraction(digits) * Fraction(10) ** exponent, found[0]


def _own_text(text: str, start: int) -> str:
    """What stands within a bracket up to its end, without what is nested in other brackets."""
    depth, own = 1, []
    for character in text[start:]:
        depth += (character == "(") - (character == ")")
        if depth == 0:
            break
        if depth == 1:
            own.append(character)
    return "".join(own)
