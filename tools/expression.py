"""A parser for arithmetic expressions that computes as it reads (precedence climbing; nothing is ever handed to `eval`).

```
sum      = product { ("+" | "-") product }              80 + 15% is 80 * 1.15
product  = signed { ("*" | "/" | "//" | "mod" | "%" | "of" | "off" | nothing) signed }
signed   = ("+" | "-") signed | power
power    = operand { "!" | "%" | "°" } [ "^" signed ]    -2^2 is -4, 2^3^2 is 2^9
operand  = number | constant | "(" sum ")" | "|" sum "|" | function "(" sum { "," sum } ")" | function signed
```

`%` is a percent sign, unless an operand follows it: then it is the remainder, as in `17 % 5`. A multiplication sign may be left out:
`2(3 + 4)`, `2pi`; it then binds like `*`.
"""

import decimal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from agentkit.errors import ToolError
from agentkit.tools.arithmetic import (
    CONTEXT,
    Number,
    absolute,
    add,
    divide,
    factorial,
    floor_divide,
    format_number,
    modulo,
    multiply,
    negate,
    power,
    subtract,
)
from agentkit.tools.functions import CONSTANTS, FUNCTIONS, Function, degrees_to_radians
from agentkit.tools.lexer import Token, tokenize

__all__ = ["evaluate"]

MAX_LENGTH = 5_000
MAX_DEPTH = 50
"""How deep brackets, signs and powers may be nested."""

_HINT = "write one expression such as (3 + 4) * 2, 15% of 80 or sqrt(2)"


@dataclass(frozen=True)
class Value:
    """A number, and whether it is a bare percentage: `15%`, but not `15% * 2`."""

    number: Number
    percent: bool = False


_PRODUCTS: Mapping[str, Callable[[Number, Number], Number]] = {
    "*": multiply,
    "of": multiply,
    "/": divide,
    "//": floor_divide,
    "mod": modulo,
    "%": modulo,
}


def evaluate(text: str) -> Number:
    """Compute an expression.

    Raises:
        ToolError: It can't be read, has no result, or is too large; the message says where and what to write instead.

    >>> evaluate("15% of 80"), evaluate("80 + 15%"), evaluate("2(3 + 4)²")
    (Fraction(12, 1), Fraction(92, 1), Fraction(98, 1))
    """
    if not text.strip():
        raise ToolError(f"the expression is empty: {_HINT}")
    if len(text) > MAX_LENGTH:
        raise ToolError(f"the expression has {len(text):,} characters: {MAX_LENGTH:,} are allowed, compute it in parts")
    try:
        with decimal.localcontext(CONTEXT):
            return _Parser(tokenize(text)).parse()
    except (ArithmeticError, ValueError) as error:
        raise ToolError(f"the expression has no result that can be written: {type(error).__name__}") from error


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = 0
        self.bars = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def take(self, *texts: str) -> bool:
        """Go on if the next token is one of these."""
        found = self.token.text in texts and self.token.kind in ("op", "name")
        self.index += found
        return found

    def parse(self) -> Number:
        value = self.sum().number
        if self.token.kind != "end":
            raise self.unexpected()
        return value

    def sum(self) -> Value:
        left = self.product()
        while self.token.text in ("+", "-"):
            step = add if self.token.text == "+" else subtract
            self.index += 1
            right = self.product()
            if right.percent and not left.percent:
                left = Value(multiply(left.number, step(Fraction(1), right.number)))
            else:
                left = Value(step(left.number, right.number), left.percent and right.percent)
        return left

    def product(self) -> Value:
        left = self.signed()
        while True:
            if self.token.text in _PRODUCTS and self.token.kind in ("op", "name"):
                step = _PRODUCTS[self.token.text]
                self.index += 1
                left = Value(step(left.number, self.signed().number))
            elif self.take("off"):
                left = Value(self.discount(left))
            elif self.starts_operand(self.token) and self.token.kind != "number":
                left = Value(multiply(left.number, self.signed().number))
            else:
                return left

    def discount(self, share: Value) -> Number:
        """`20% off 128.50`, and `20 off 128.50` as well."""
        part = share.number if share.percent else divide(share.number, Fraction(100))
        return multiply(self.signed().number, subtract(Fraction(1), part))

    def signed(self) -> Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ToolError(f"the expression is nested deeper than {MAX_DEPTH} levels: compute it in parts")
        if self.token.text in ("+", "-"):
            minus = self.token.text == "-"
            self.index += 1
            value = self.signed()
            value = Value(negate(value.number), value.percent) if minus else value
        else:
            value = self.power()
        self.depth -= 1
        return value

    def power(self) -> Value:
        value = self.operand()
        while True:
            if self.token.text == "!" and self.tokens[self.index + 1].text == "!":
                raise ToolError(f"'!!' at character {self.token.at} can be read in two ways: write (5!)! or 5*3*1")
            if self.take("!"):
                value = Value(factorial(value.number))
            elif self.token.text == "%" and not self.is_remainder():
                self.index += 1
                value = Value(divide(value.number, Fraction(100)), percent=True)
            elif self.take("°", "deg", "degree", "degrees"):
                value = Value(degrees_to_radians(value.number))
            elif self.take("^"):
                value = Value(power(value.number, self.signed().number))
            else:
                return value

    def is_remainder(self) -> bool:
        """Whether the percent sign here stands between two operands."""
        after = self.tokens[self.index + 1]
        return self.starts_operand(after) and not (after.text == "|" and self.bars)

    def starts_operand(self, token: Token) -> bool:
        if token.kind == "name":
            return token.text in FUNCTIONS or token.text in CONSTANTS
        return token.kind == "number" or token.text in ("(", "[") or (token.text == "|" and not self.bars)

    def operand(self) -> Value:
        token = self.token
        if token.kind == "number":
            self.index += 1
            return Value(token.value)
        if self.take("(", "["):
            value = self.sum()
            self.close(")" if token.text == "(" else "]", token)
            return value
        if token.text == "|" and not self.bars:
            return self.between_bars()
        if token.kind == "name":
            return self.named()
        raise self.unexpected()

    def between_bars(self) -> Value:
        opened = self.token
        self.index, self.bars = self.index + 1, self.bars + 1
        value = absolute(self.sum().number)
        self.close("|", opened)
        self.bars -= 1
        return Value(value)

    def named(self) -> Value:
        token = self.token
        self.index += 1
        if token.text in FUNCTIONS:
            return Value(self.call(token, FUNCTIONS[token.text]))
        if token.text in CONSTANTS:
            return Value(CONSTANTS[token.text])
        raise self.unknown(token)

    def unknown(self, token: Token) -> ToolError:
        near = get_close_matches(token.text, [*FUNCTIONS, *CONSTANTS], n=1)
        told = f"did you mean {near[0]}?" if near else "leave units and words out, and write numbers for names"
        return ToolError(f"unknown name {token.text!r} at character {token.at}: {told}")

    def call(self, token: Token, function: Function) -> Number:
        self.take("of")
        if self.token.text != "(":
            return function.call(*self.checked(token, function, [self.signed().number]))
        opened = self.token
        self.index += 1
        values = [] if self.token.text == ")" else self.values()
        self.close(")", opened)
        return function.call(*self.checked(token, function, values))

    def values(self) -> list[Number]:
        """Arguments; a list in brackets counts as its members."""
        found: list[Number] = []
        while True:
            opened = self.token
            if self.is_list():
                self.index += 1
                found += self.values()
                self.close("]" if opened.text == "[" else ")", opened)
            else:
                found.append(self.sum().number)
            if not self.take(",", ";") or self.token.text in (")", "]"):
                return found

    def is_list(self) -> bool:
        """Whether a bracket here holds several values, or one that stands alone."""
        if self.token.text not in ("(", "["):
            return False
        depth = 0
        for token in self.tokens[self.index :]:
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
            if depth == 1 and token.text in (",", ";"):
                return True
            if depth == 0:
                break
        return False

    def checked(self, token: Token, function: Function, values: list[Number]) -> list[Number]:
        if function.least <= len(values) <= function.most:
            return values
        wanted = str(function.least)
        if function.most > function.least:
            wanted += " or more" if function.most > 2 else f" or {function.most}"
        shown = ", ".join(format_number(value) for value in values[:6]) or "nothing"
        raise ToolError(f"{token.text} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(values)}: {shown}")

    def close(self, text: str, opened: Token) -> None:
        if self.token.kind == "end":
            # a bracket left open at the very end can only be closed there
            return
        if not self.take(text):
            raise self.unexpected(f" ({opened.text!r} at character {opened.at} is still open)")

    def unexpected(self, note: str = "") -> ToolError:
        token = self.token
        if token.kind == "end":
            return ToolError(f"the expression ends where a number is missing: {_HINT}")
        if token.text in (",", ";"):
            return ToolError(f"{token.text!r} at character {token.at} separates nothing: write one expression, or sum(1, 2, 3)")
        if token.text == "=":
            return ToolError(f"'=' at character {token.at}: write only the expression left of it")
        if token.kind == "name" and token.text not in FUNCTIONS and token.text not in CONSTANTS:
            return self.unknown(token)
        if token.kind == "number":
            return ToolError(f"the number {token.text} at character {token.at} has no operator before it{note}: {_HINT}")
        return ToolError(f"{token.text!r} at character {token.at} is not expected there{note}: {_HINT}")
