"""Numbers of the calculator: exact fractions as long as possible, else decimals of 60 digits; sizes are bounded before computing.

```
Fraction   integers, decimals, quotients, whole powers, roots that come out even
Decimal    sqrt(2), pi, sin(1), 1.0005^100000
```
"""

import math
from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction

from agentkit.errors import ToolError

__all__ = [
    "CONTEXT",
    "MAX_DIGITS",
    "PI",
    "E",
    "Number",
    "absolute",
    "add",
    "approximate",
    "divide",
    "factorial",
    "floor",
    "floor_divide",
    "format_number",
    "logarithm",
    "modulo",
    "multiply",
    "negate",
    "power",
    "root",
    "round_half_up",
    "settle",
    "subtract",
    "whole",
]

Number = Fraction | Decimal

MAX_DIGITS = 10_000
"""No number grows beyond this many digits; that is refused before it is computed."""

SHOWN_DIGITS = 4_000
"""The longest integer that is written out."""

_MAX_BITS = math.ceil(MAX_DIGITS * math.log2(10))
CONTEXT = Context(prec=60, Emin=-999_999, Emax=999_999, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Sixty digits, whatever context the caller has set."""

_NOISE = Decimal("1e-45")
"""Rounding errors of 60 digits stay far below this, real differences far above."""

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
E = Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138217852516642743")


def approximate(value: Number) -> Decimal:
    """The number as a decimal of 60 digits."""
    if isinstance(value, Decimal):
        return CONTEXT.plus(value)
    return CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def settle(value: Decimal) -> Number:
    """An integer that rounding errors have blurred becomes exact again.

    >>> settle(Decimal(2).sqrt(CONTEXT) ** 2), settle(Decimal("2.5"))
    (Fraction(2, 1), Decimal('2.5'))
    """
    if value.adjusted() > 40:
        return value
    nearest = value.to_integral_value()
    near = nearest != 0 and abs(value - nearest) <= _NOISE * abs(nearest)
    return Fraction(int(nearest)) if near or value == 0 else value


def whole(value: Number, what: str) -> int:
    """The number as an integer.

    Raises:
        ToolError: It is not whole.
    """
    if isinstance(value, Decimal) or value.denominator != 1:
        raise ToolError(f"{what} takes whole numbers, not {format_number(value)}")
    return value.numerator


def add(a: Number, b: Number) -> Number:
    """The sum; what is left where two decimals cancel is zero, not noise.

    >>> add(Fraction(1, 10), Fraction(2, 10))
    Fraction(3, 10)
    """
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a + b)
    left, right = approximate(a), approximate(b)
    total = CONTEXT.add(left, right)
    return Fraction(0) if abs(total) <= _NOISE * max(abs(left), abs(right)) else settle(total)


def subtract(a: Number, b: Number) -> Number:
    """The difference."""
    return add(a, negate(b))


def negate(value: Number) -> Number:
    """The number with its sign turned; unlike `-`, it does not round."""
    return value.copy_negate() if isinstance(value, Decimal) else -value


def absolute(value: Number) -> Number:
    """The number without its sign."""
    return negate(value) if value < 0 else value


def multiply(a: Number, b: Number) -> Number:
    """The product."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a * b)
    return settle(_computed(CONTEXT.multiply, approximate(a), approximate(b)))


def divide(a: Number, b: Number) -> Number:
    """The quotient.

    Raises:
        ToolError: The divisor is zero.
    """
    if b == 0:
        raise ToolError("division by zero: the divisor must not be 0")
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a / b)
    return settle(_computed(CONTEXT.divide, approximate(a), approximate(b)))


def floor(value: Number) -> Fraction:
    """The largest integer that is not above the number."""
    if isinstance(value, Fraction):
        return Fraction(math.floor(value))
    return Fraction(int(value.to_integral_value(rounding=ROUND_FLOOR)))


def floor_divide(a: Number, b: Number) -> Number:
    """The quotient rounded down, as `//` does."""
    return floor(divide(a, b))


def modulo(a: Number, b: Number) -> Number:
    """What is left after `floor_divide`; it has the divisor's sign, as in Python.

    >>> modulo(Fraction(-7), Fraction(3))
    Fraction(2, 1)
    """
    return subtract(a, multiply(b, floor_divide(a, b)))


def round_half_up(value: Number, digits: int = 0) -> Number:
    """Round as taught at school: halves away from zero.

    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction("-2.675"), 2)
    (Fraction(3, 1), Fraction(-67, 25))
    """
    if abs(digits) > MAX_DIGITS:
        raise ToolError(f"round takes up to {MAX_DIGITS:,} places, not {digits:,}")
    exact = value if isinstance(value, Fraction) else Fraction(value)
    scaled = abs(exact) * Fraction(10) ** digits
    rounded = Fraction(math.floor(scaled + Fraction(1, 2))) / Fraction(10) ** digits
    return rounded if exact >= 0 else -rounded


def factorial(value: Number) -> Fraction:
    """The product of all whole numbers up to this one.

    Raises:
        ToolError: The number is not whole, below zero, or its factorial too long.
    """
    n = whole(value, "a factorial")
    if n < 0:
        raise ToolError(f"a factorial takes numbers from 0 on, not {n}")
    if n > 3_000:
        raise ToolError(f"{n:,}! has over {MAX_DIGITS:,} digits: the largest factorial here is 3000!")
    return Fraction(math.factorial(n))


def power(base: Number, exponent: Number) -> Number:
    """`base` to the power of `exponent`; exact where the exponent is whole or the root comes out even.

    Raises:
        ToolError: The result is not a real number, or too large.

    >>> power(Fraction(8), Fraction(2, 3)), power(Fraction(2), Fraction(-2))
    (Fraction(4, 1), Fraction(1, 4))
    """
    if base == 0:
        if exponent < 0:
            raise ToolError("0 to a negative power divides by zero")
        return Fraction(int(exponent == 0))
    _refuse_huge(base, exponent)
    if isinstance(exponent, Fraction):
        if exponent.denominator == 1 and isinstance(base, Fraction) and _fits(base, exponent.numerator):
            return base**exponent.numerator
        if exponent.denominator == 1:
            return settle(_computed(CONTEXT.power, approximate(base), Decimal(exponent.numerator)))
        if exponent.denominator <= 64:
            return power(root(base, exponent.denominator), Fraction(exponent.numerator))
    if base < 0:
        raise ToolError(f"{format_number(base)} to the power {format_number(exponent)} is not a real number")
    return settle(_computed(CONTEXT.power, approximate(base), approximate(exponent)))


def root(value: Number, n: int) -> Number:
    """The `n`-th root, negative for odd roots of negative numbers.

    Raises:
        ToolError: An even root of a negative number, or a root that is not the 1st to the 1,000th.

    >>> root(Fraction(9261), 3), root(Fraction(9, 4), 2)
    (Fraction(21, 1), Fraction(3, 2))
    """
    if not 1 <= n <= 1_000:
        raise ToolError(f"the root must be the 1st to the 1,000th, not {n}: for others write x^(1/n)")
    if value < 0:
        if n % 2 == 0:
            raise ToolError(f"an even root of {format_number(value)} is not a real number: the number must be 0 or more")
        return negate(root(negate(value), n))
    if isinstance(value, Fraction):
        top, bottom = _whole_root(value.numerator, n), _whole_root(value.denominator, n)
        if top is not None and bottom is not None:
            return Fraction(top, bottom)
    decimal = approximate(value)
    return settle(CONTEXT.sqrt(decimal) if n == 2 else _computed(CONTEXT.power, decimal, CONTEXT.divide(Decimal(1), Decimal(n))))


def logarithm(value: Number, base: Number) -> Number:
    """The logarithm to a base.

    Raises:
        ToolError: The number or the base has none.

    >>> logarithm(Fraction(1000), Fraction(10))
    Fraction(3, 1)
    """
    if value <= 0:
        raise ToolError(f"the logarithm of {format_number(value)} is not a real number: the number must be above 0")
    if base <= 0 or base == 1:
        raise ToolError(f"{format_number(base)} can't be the base of a logarithm: it must be above 0 and not 1")
    above = CONTEXT.ln(approximate(value))
    return settle(above if base == E else CONTEXT.divide(above, CONTEXT.ln(approximate(base))))


def format_number(value: Number) -> str:
    """Write a number: integers whole, decimals exactly where they end within 15 places, else rounded to 12 significant digits.

    Raises:
        ToolError: An integer of over 4,000 digits.

    >>> [format_number(Fraction(*pair)) for pair in ((6, 2), (1, 8), (5, 13), (-1, 10**9))]
    ['3', '0.125', '0.384615384615', '-0.000000001']
    >>> format_number(Decimal(10) ** 30 / 3), format_number(Decimal("-1e-30"))
    ('3.33333333333e29', '-1e-30')
    """
    if isinstance(value, Fraction):
        places = _places(value.denominator)
        if places is not None:
            return _exact(value, places)
    decimal = approximate(value)
    size = decimal.adjusted()
    if decimal == 0:
        return "0"
    if -10 <= size <= 20:
        step = Decimal(1).scaleb(-max(0, 11 - size))
        return _trim(f"{decimal.quantize(step, rounding=ROUND_HALF_UP, context=CONTEXT):f}")
    digits = CONTEXT.scaleb(decimal, -size).quantize(Decimal("1e-11"), rounding=ROUND_HALF_UP, context=CONTEXT)
    if abs(digits) >= 10:
        digits, size = CONTEXT.scaleb(digits, -1), size + 1
    return f"{_trim(f'{digits:f}')}e{size}"


def _exact(value: Fraction, places: int) -> str:
    scaled = abs(value.numerator) * 10**places // value.denominator
    if scaled.bit_length() > SHOWN_DIGITS * 3.33:
        told = f"the result has about {_digits(scaled):,} digits, at most {SHOWN_DIGITS:,} are written"
        raise ToolError(f"{told}: ask for log10 of it, or for it mod a number")
    text = str(scaled).rjust(places + 1, "0")
    shown = f"{text[:-places]}.{text[-places:]}" if places else text
    return _trim(f"-{shown}" if value < 0 else shown)


def _trim(text: str) -> str:
    """Without zeros behind the point, and without a minus before zero."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _places(denominator: int) -> int | None:
    """How many places the decimal has, if it ends within 15."""
    places = 0
    while denominator > 1 and places < 15:
        denominator //= math.gcd(denominator, 10)
        places += 1
    return places if denominator == 1 else None


def _digits(value: int) -> int:
    return int(value.bit_length() * math.log10(2)) + 1


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise ToolError(f"a number on the way has over {MAX_DIGITS:,} digits: that is too large")
    return value


def _fits(base: Fraction, exponent: int) -> bool:
    """Whether the exact power stays within bounds."""
    return math.log2(max(abs(base.numerator), base.denominator)) * abs(exponent) <= _MAX_BITS


def _refuse_huge(base: Number, exponent: Number) -> None:
    """Refuse by the size of the result, from its logarithm, before anything is computed."""
    with localcontext(CONTEXT):
        size = abs(approximate(absolute(base)).log10() * approximate(exponent))
    if size > MAX_DIGITS:
        length = f"{size:.0f}" if size < 10**15 else f"10^{size.adjusted()}"
        kind = "digits" if (absolute(base) > 1) == (exponent > 0) else "places"
        told = f"the power {format_number(base)}^{format_number(exponent)} has about {length} {kind}"
        raise ToolError(f"{told}: at most {MAX_DIGITS:,} are allowed")


def _whole_root(value: int, n: int) -> int | None:
    """The root of a whole number, if it is whole."""
    if n == 2:
        found = math.isqrt(value)
    elif value < 2 or n == 1:
        return value
    else:
        found = 1 << -(-value.bit_length() // n)
        while (step := ((n - 1) * found + value // found ** (n - 1)) // n) < found:
            found = step
    return found if found**n == value else None


def _computed(operation: Callable[[Decimal, Decimal], Decimal], a: Decimal, b: Decimal) -> Decimal:
    try:
        return operation(a, b)
    except Overflow:
        raise ToolError("the result is too large") from None
    except (InvalidOperation, DivisionByZero):
        raise ToolError("that has no result") from None
