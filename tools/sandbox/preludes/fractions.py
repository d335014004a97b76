"""`fractions`: `Fraction` without `<`, which Monty does not ask a class for."""

import math
import re
from typing import Any


def _parsed(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*([-+]?)(\d+)(?:/(\d+))?\s*", text)
    if found:
        top, bottom = int(found.group(2)), int(found.group(3) or "1")
    else:
        found = re.fullmatch(r"\s*([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?\s*", text)
        if not found or not (found.group(2) or found.group(3)):
            raise ValueError("Invalid literal for Fraction: " + repr(text))
        places = found.group(3) or ""
        top, bottom = int((found.group(2) or "") + places), 10 ** len(places)
        power = int(found.group(4) or "0")
        top, bottom = (top * 10**power, bottom) if power >= 0 else (top, bottom * 10 ** (-power))
    return (-top if found.group(1) == "-" else top), bottom


def _ratio(x: Any) -> tuple[int, int]:
    if isinstance(x, int):
        return int(x), 1
    if isinstance(x, str):
        return _parsed(x)
    if isinstance(x, float):
        if x - x != 0:
            raise ValueError("cannot convert " + repr(x) + " to integer ratio")
        mantissa, exponent = math.frexp(x)
        top, shift = int(mantissa * 2**53), exponent - 53
        return (top * 2**shift, 1) if shift >= 0 else (top, 2 ** (-shift))
    if hasattr(x, "numerator"):
        return x.numerator, x.denominator
    if hasattr(x, "as_integer_ratio"):
        top, bottom = x.as_integer_ratio()
        return top, bottom
    raise TypeError("argument should be a string or a Rational instance")


class Fraction:
    def __init__(self, numerator: Any = 0, denominator: Any = None) -> None:
        top, bottom = _ratio(numerator)
        if denominator is not None:
            over, under = _ratio(denominator)
            top, bottom = top * under, bottom * over
        if bottom == 0:
            raise ZeroDivisionError("Fraction(" + str(top) + ", 0)")
        common = math.gcd(top, bottom) if bottom > 0 else -math.gcd(top, bottom)
        self.numerator: int = top // common
        self.denominator: int = bottom // common

    def __repr__(self) -> str:
        return "Fraction(" + str(self.numerator) + ", " + str(self.denominator) + ")"

    def __str__(self) -> str:
        return str(self.numerator) if self.denominator == 1 else str(self.numerator) + "/" + str(self.denominator)

    def __float__(self) -> float:
        return self.numerator / self.denominator

    def __int__(self) -> int:
        return self.numerator // self.denominator if self.numerator >= 0 else -(-self.numerator // self.denominator)

    def __trunc__(self) -> int:
        return int(self)

    def __floor__(self) -> int:
        return self.numerator // self.denominator

    def __ceil__(self) -> int:
        return -(-self.numerator // self.denominator)

    def __bool__(self) -> bool:
        return self.numerator != 0

    def __hash__(self) -> int:
        return hash(self.numerator) if self.denominator == 1 else hash((self.numerator, self.denominator))

    def __neg__(self) -> Any:
        return Fraction(-self.numerator, self.denominator)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return Fraction(abs(self.numerator), self.denominator)

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, float):
            return float(self) == other
        if not isinstance(other, (int, Fraction)):
            return False
        top, bottom = _ratio(other)
        return self.numerator == top and self.denominator == bottom

    def __add__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) + other
        top, bottom = _ratio(other)
        return Fraction(self.numerator * bottom + top * self.denominator, self.denominator * bottom)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) - other
        top, bottom = _ratio(other)
        return Fraction(self.numerator * bottom - top * self.denominator, self.denominator * bottom)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) * other
        top, bottom = _ratio(other)
        return Fraction(self.numerator * top, self.denominator * bottom)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, float):
            return float(self) / other
        top, bottom = _ratio(other)
        return Fraction(self.numerator * bottom, self.denominator * top)

    def __rtruediv__(self, other: Any) -> Any:
        return other / float(self) if isinstance(other, float) else Fraction(other) / self

    def __floordiv__(self, other: Any) -> Any:
        quotient = self / other
        return quotient // 1 if isinstance(quotient, float) else quotient.numerator // quotient.denominator

    def __rfloordiv__(self, other: Any) -> Any:
        return other // float(self) if isinstance(other, float) else Fraction(other) // self

    def __mod__(self, other: Any) -> Any:
        return float(self) % other if isinstance(other, float) else self - Fraction(other) * (self // other)

    def __rmod__(self, other: Any) -> Any:
        return other % float(self) if isinstance(other, float) else Fraction(other) % self

    def __pow__(self, other: Any) -> Any:
        exponent = Fraction(other)
        if isinstance(other, float) or exponent.denominator != 1:
            return float(self) ** float(exponent)
        n = exponent.numerator
        return Fraction(self.numerator**n, self.denominator**n) if n >= 0 else Fraction(self.denominator ** (-n), self.numerator ** (-n))

    def __rpow__(self, other: Any) -> Any:
        return other**self.numerator if self.denominator == 1 else other ** float(self)

    def __round__(self, digits: Any = None) -> Any:
        scale = Fraction(10) ** (0 if digits is None else digits)
        scaled = self * scale
        low, rest = divmod(scaled.numerator, scaled.denominator)
        up = rest * 2 > scaled.denominator or (rest * 2 == scaled.denominator and low % 2 == 1)
        return low + up if digits is None else Fraction(low + up) / scale

    def as_integer_ratio(self) -> tuple[int, int]:
        return self.numerator, self.denominator

    def is_integer(self) -> bool:
        return self.denominator == 1

    def limit_denominator(self, max_denominator: int = 1000000) -> Any:
        if max_denominator < 1:
            raise ValueError("max_denominator should be at least 1")
        if self.denominator <= max_denominator:
            return self
        p0, q0, p1, q1 = 0, 1, 1, 0
        n, d = self.numerator, self.denominator
        while True:
            a = n // d
            q2 = q0 + a * q1
            if q2 > max_denominator:
                break
            p0, q0, p1, q1 = p1, q1, p0 + a * p1, q2
            n, d = d, n - a * d
        k = (max_denominator - q0) // q1
        if 2 * d * (q0 + k * q1) <= self.denominator:
            return Fraction(p1, q1)
        return Fraction(p0 + k * p1, q0 + k * q1)
