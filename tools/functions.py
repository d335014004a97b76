"""The calculator's functions by name, each with how many arguments it takes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any

from agentkit.errors import ToolError
from agentkit.tools.arithmetic import (
    CONTEXT,
    PI,
    E,
    Number,
    absolute,
    add,
    approximate,
    divide,
    factorial,
    floor,
    floor_divide,
    format_number,
    logarithm,
    modulo,
    multiply,
    negate,
    power,
    root,
    round_half_up,
    settle,
    subtract,
    whole,
)

__all__ = ["CONSTANTS", "FUNCTIONS", "Function", "degrees_to_radians"]

MANY = 10_000
"""No bound on the number of arguments of its own; the length of the expression bounds it."""

HALF_PI, TURN = CONTEXT.divide(PI, Decimal(2)), CONTEXT.multiply(PI, Decimal(2))

CONSTANTS: Mapping[str, Number] = {"pi": PI, "e": E, "tau": TURN}


@dataclass(frozen=True)
class Function:
    """A function of the calculator."""

    call: Callable[..., Number]
    least: int = 1
    most: int = 1


def total(*values: Number) -> Number:
    """The sum."""
    return reduce(add, values)


def product(*values: Number) -> Number:
    """The product of all."""
    return reduce(multiply, values)


def mean(*values: Number) -> Number:
    """The arithmetic mean."""
    return divide(total(*values), Fraction(len(values)))


def median(*values: Number) -> Number:
    """The middle value, or the mean of the two in the middle.

    >>> median(Fraction(3), Fraction(1), Fraction(2), Fraction(10))
    Fraction(5, 2)
    """
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else mean(ordered[half - 1], ordered[half])


def deviation(*values: Number, sample: bool = True) -> Number:
    """The standard deviation, of a sample (n - 1) or of all there is (n)."""
    centre = mean(*values)
    squares = total(*(power(subtract(value, centre), Fraction(2)) for value in values))
    return root(divide(squares, Fraction(len(values) - sample)), 2)


def ceiling(value: Number) -> Number:
    """The smallest integer that is not below the number."""
    return negate(floor(negate(value)))


def truncate(value: Number) -> Number:
    """The number without what is behind the point."""
    return ceiling(value) if value < 0 else floor(value)


def rounded(value: Number, digits: Number = Fraction(0)) -> Number:
    """Round to a number of places; halves go away from zero."""
    return round_half_up(value, whole(digits, "the second argument of round"))


def nth_root(n: Number, value: Number | None = None) -> Number:
    """`root(3, 27)` is the third root of 27; with one argument the square root."""
    return root(n, 2) if value is None else root(value, whole(n, "the first argument of root(n, x)"))


def log(value: Number, base: Number = Fraction(10)) -> Number:
    """The logarithm to base 10, as on pocket calculators, or to the base given."""
    return logarithm(value, base)


def exponential(value: Number) -> Number:
    """`e` to a power."""
    if absolute(value) > 23_000:
        raise ToolError(f"exp({format_number(value)}) is too large or too small: the argument may be 23,000 at most")
    return settle(CONTEXT.exp(approximate(value)))


def _combinations(n: Number, k: Number) -> Number:
    return Fraction(math.comb(*_counts("comb", n, k)))


def _permutations(n: Number, k: Number) -> Number:
    return Fraction(math.perm(*_counts("perm", n, k)))


def _counts(name: str, *values: Number) -> list[int]:
    counts = [whole(value, name) for value in values]
    if not all(0 <= count <= 3_000 for count in counts):
        raise ToolError(f"{name} takes whole numbers from 0 to 3,000, not {', '.join(map(str, counts))}")
    return counts


def _of_integers(name: str, call: Callable[..., int]) -> Callable[..., Number]:
    return lambda *values: Fraction(call(*(whole(value, name) for value in values)))


def degrees_to_radians(value: Number) -> Number:
    """An angle in degrees as radians."""
    return divide(multiply(value, PI), Fraction(180))


def radians_to_degrees(value: Number) -> Number:
    """An angle in radians as degrees."""
    return divide(multiply(value, Fraction(180)), PI)


def sine(value: Number) -> Number:
    """The sine of radians.

    >>> sine(degrees_to_radians(Fraction(30)))
    Fraction(1, 2)
    """
    return _clean(_sine(_reduced(value)))


def cosine(value: Number) -> Number:
    """The cosine of radians."""
    return _clean(_sine(_reduced(add(value, HALF_PI))))


def tangent(value: Number) -> Number:
    """The tangent of radians."""
    below = cosine(value)
    if below == 0:
        raise ToolError("the tangent of this angle is not defined")
    return _halved(divide(sine(value), below))


def arc_tangent(value: Number) -> Number:
    """The angle of a tangent, in radians."""
    if absolute(value) > 1:
        quarter = negate(HALF_PI) if value < 0 else HALF_PI
        return subtract(quarter, arc_tangent(divide(Fraction(1), value)))
    x = approximate(value)
    angle = Decimal(math.atan(float(x)))
    for _ in range(3):  # Newton's method doubles the digits of the float each time
        near, far = _sine(angle), _sine(CONTEXT.add(angle, HALF_PI))
        angle = CONTEXT.subtract(angle, CONTEXT.multiply(far, CONTEXT.subtract(near, CONTEXT.multiply(x, far))))
    return settle(angle)


def arc_sine(value: Number) -> Number:
    """The angle of a sine, in radians."""
    if absolute(value) > 1:
        raise ToolError(f"asin and acos take numbers from -1 to 1, not {format_number(value)}")
    if absolute(value) == 1:
        return multiply(value, HALF_PI)
    return arc_tangent(divide(value, root(subtract(Fraction(1), power(value, Fraction(2))), 2)))


def arc_cosine(value: Number) -> Number:
    """The angle of a cosine, in radians."""
    return subtract(HALF_PI, arc_sine(value))


def _reduced(value: Number) -> Decimal:
    """The angle within one turn."""
    x = approximate(value)
    if abs(x) > 10**15:
        raise ToolError(f"the angle {format_number(value)} is too large: it may be 10^15 at most")
    return CONTEXT.remainder(x, TURN)


def _sine(x: Decimal) -> Decimal:
    """The series of the sine; `x` is within one turn."""
    term = result = x
    square, n = CONTEXT.minus(CONTEXT.multiply(x, x)), 1
    while term and term.adjusted() > -75:
        n += 2
        term = CONTEXT.divide(CONTEXT.multiply(term, square), Decimal(n * (n - 1)))
        result = CONTEXT.add(result, term)
    return result


def _clean(value: Decimal) -> Number:
    """Without rounding noise around 0, 1/2 and 1."""
    return Fraction(0) if absolute(value) < Decimal("1e-45") else _halved(settle(value))


def _halved(value: Number) -> Number:
    twice = multiply(value, Fraction(2))
    return twice / 2 if isinstance(twice, Fraction) else value


def _named(call: Callable[..., Number], names: str, least: int = 1, most: int = 1) -> dict[str, Function]:
    return dict.fromkeys(names.split(), Function(call, least, most))


def _table(*parts: Mapping[str, Function]) -> Mapping[str, Function]:
    return {name: function for part in parts for name, function in part.items()}


def _extreme(pick: Callable[[Sequence[Number]], Any]) -> Callable[..., Number]:
    return lambda *values: pick(values)


FUNCTIONS: Mapping[str, Function] = _table(
    _named(absolute, "abs fabs"),
    _named(rounded, "round", 1, 2),
    _named(floor, "floor"),
    _named(ceiling, "ceil ceiling"),
    _named(truncate, "trunc int"),
    _named(_extreme(min), "min minimum", 1, MANY),
    _named(_extreme(max), "max maximum", 1, MANY),
    _named(total, "sum total add", 1, MANY),
    _named(product, "prod product", 1, MANY),
    _named(mean, "avg mean average", 1, MANY),
    _named(median, "median", 1, MANY),
    _named(deviation, "stdev std", 2, MANY),
    _named(lambda *values: deviation(*values, sample=False), "pstdev", 1, MANY),
    _named(_of_integers("gcd", math.gcd), "gcd", 1, MANY),
    _named(_of_integers("lcm", math.lcm), "lcm", 1, MANY),
    _named(modulo, "mod fmod remainder", 2, 2),
    _named(floor_divide, "div", 2, 2),
    _named(power, "pow power", 2, 2),
    _named(lambda value: root(value, 2), "sqrt"),
    _named(lambda value: root(value, 3), "cbrt"),
    _named(nth_root, "root", 1, 2),
    _named(factorial, "factorial fact"),
    _named(_combinations, "comb ncr choose binomial", 2, 2),
    _named(_permutations, "perm npr", 2, 2),
    _named(log, "log", 1, 2),
    _named(lambda value: logarithm(value, Fraction(2)), "log2 log_2"),
    _named(lambda value: logarithm(value, Fraction(10)), "log10 log_10 lg"),
    _named(lambda value: logarithm(value, E), "ln"),
    _named(exponential, "exp"),
    _named(sine, "sin"),
    _named(cosine, "cos"),
    _named(tangent, "tan"),
    _named(arc_sine, "asin arcsin"),
    _named(arc_cosine, "acos arccos"),
    _named(arc_tangent, "atan arctan"),
    _named(degrees_to_radians, "deg radians"),
    _named(radians_to_degrees, "degrees"),
)
