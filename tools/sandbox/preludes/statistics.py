"""`statistics`, computed exactly and rounded once, as the original does."""

import math
from typing import Any


def _ratio(x: Any) -> tuple[int, int]:
    """A number as a numerator and a denominator."""
    if isinstance(x, int):
        return int(x), 1
    if isinstance(x, float):
        mantissa, exponent = math.frexp(x)
        shift = exponent - 53
        top = int(mantissa * 2**53)
        return (top * 2**shift, 1) if shift >= 0 else (top, 2 ** (-shift))
    if hasattr(x, "numerator"):
        return x.numerator, x.denominator
    top, bottom = x.as_integer_ratio()
    return top, bottom


def _listed(data: Any) -> list[Any]:
    return data if type(data) is list else list(data)


def _total(values: list[Any]) -> tuple[int, int]:
    """The exact sum of the values."""
    top, bottom = 0, 1
    for value in values:
        p, q = _ratio(value)
        top, bottom = (top + p, bottom) if q == bottom else (top * q + p * bottom, bottom * q)
        if bottom > 2**1100:
            common = math.gcd(top, bottom)
            top, bottom = top // common, bottom // common
    return top, bottom


def _as_given(top: int, bottom: int, values: list[Any]) -> Any:
    """A quotient as the kind of number that the values are."""
    if all(isinstance(value, int) for value in values):
        return top // bottom if top % bottom == 0 else top / bottom
    for value in values:
        if not isinstance(value, (int, float)):
            one = value - value + 1
            return one * top / bottom
    common = math.gcd(top, bottom)
    return (top // common) / (bottom // common)


def _root(top: int, bottom: int) -> float:
    """The square root of a quotient, rounded once."""
    if top == 0:
        return 0.0
    common = math.gcd(top, bottom)
    top, bottom = top // common, bottom // common
    shift = (len(bin(top)) - len(bin(bottom)) - 109) // 2
    if shift >= 0:
        number = top // (bottom << 2 * shift) if shift else top // bottom
        exact = number * (bottom << 2 * shift) == top
        return float(_odd_root(number, exact) << shift)
    number = (top << -2 * shift) // bottom
    exact = number * bottom == top << -2 * shift
    return _odd_root(number, exact) / (1 << -shift)


def _odd_root(number: int, exact: bool) -> int:
    """The integer root; its last bit says whether something was left over, so that the rounding that follows is right."""
    found = math.isqrt(number)
    return found | (0 if exact and found * found == number else 1)


def mean(data: Any) -> Any:
    values = _listed(data)
    if not values:
        raise ValueError("mean requires at least one data point")
    top, bottom = _total(values)
    return _as_given(top, bottom * len(values), values)


def fmean(data: Any, weights: Any = None) -> float:
    values = [float(value) for value in data]
    if not values:
        raise ValueError("fmean requires at least one data point")
    if weights is None:
        return math.fsum(values) / len(values)
    shares = [float(weight) for weight in weights]
    if len(shares) != len(values):
        raise ValueError("data and weights must be the same length")
    return math.fsum([value * share for value, share in zip(values, shares)]) / math.fsum(shares)  # noqa: B905 - Monty's zip has no such default


def median(data: Any) -> Any:
    values = sorted(data)
    if not values:
        raise ValueError("no median for empty data")
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def median_low(data: Any) -> Any:
    values = sorted(data)
    if not values:
        raise ValueError("no median for empty data")
    return values[(len(values) - 1) // 2]


def median_high(data: Any) -> Any:
    values = sorted(data)
    if not values:
        raise ValueError("no median for empty data")
    return values[len(values) // 2]


def multimode(data: Any) -> list[Any]:
    counts: dict[Any, int] = {}
    for value in data:
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values()) if counts else 0
    return [value for value, count in counts.items() if count == most]


def mode(data: Any) -> Any:
    found = multimode(data)
    if not found:
        raise ValueError("no mode for empty data")
    return found[0]


def _spread(values: list[Any]) -> tuple[int, int]:
    """The sum of the squared distances from the mean, exactly."""
    n = len(values)
    top, bottom = _total(values)
    squares, below = 0, 1
    for value in values:
        p, q = _ratio(value)
        squares, below = (squares + p * p, below) if q * q == below else (squares * q * q + p * p * below, below * q * q)
        if below > 2**2200:
            common = math.gcd(squares, below)
            squares, below = squares // common, below // common
    return squares * n * bottom * bottom - top * top * below, below * n * bottom * bottom


def _squared(data: Any, xbar: Any) -> tuple[int, int, list[Any]]:
    values = _listed(data)
    if xbar is None:
        top, bottom = _spread(values)
    else:
        p, q = _ratio(xbar)
        top, bottom = _total_of_squares(values, p, q)
    return top, bottom, values


def _total_of_squares(values: list[Any], p: int, q: int) -> tuple[int, int]:
    top, bottom = 0, 1
    for value in values:
        a, b = _ratio(value)
        distance, scale = a * q - p * b, b * q
        top, bottom = top * scale * scale + distance * distance * bottom, bottom * scale * scale
        common = math.gcd(top, bottom)
        top, bottom = top // common, bottom // common
    return top, bottom


def variance(data: Any, xbar: Any = None) -> Any:
    top, bottom, values = _squared(data, xbar)
    if len(values) < 2:
        raise ValueError("variance requires at least two data points")
    return _as_given(top, bottom * (len(values) - 1), values)


def pvariance(data: Any, mu: Any = None) -> Any:
    top, bottom, values = _squared(data, mu)
    if not values:
        raise ValueError("pvariance requires at least one data point")
    return _as_given(top, bottom * len(values), values)


def stdev(data: Any, xbar: Any = None) -> float:
    top, bottom, values = _squared(data, xbar)
    if len(values) < 2:
        raise ValueError("stdev requires at least two data points")
    return _root(top, bottom * (len(values) - 1))


def pstdev(data: Any, mu: Any = None) -> float:
    top, bottom, values = _squared(data, mu)
    if not values:
        raise ValueError("pstdev requires at least one data point")
    return _root(top, bottom * len(values))


def geometric_mean(data: Any) -> float:
    values = [float(value) for value in data]
    if not values or min(values) < 0:
        raise ValueError("geometric mean requires a non-empty dataset containing positive numbers")
    return math.exp(math.fsum([math.log(value) for value in values]) / len(values)) if min(values) > 0 else 0.0


def harmonic_mean(data: Any) -> Any:
    values = _listed(data)
    if not values or min(values) < 0:
        raise ValueError("harmonic mean does not support negative values" if values else "harmonic_mean requires at least one data point")
    if len(values) == 1:
        return values[0]
    if min(values) == 0:
        return 0
    top, bottom = 0, 1
    for value in values:
        p, q = _ratio(value)
        top, bottom = top * p + q * bottom, bottom * p
    return _as_given(bottom * len(values), top, values)


def quantiles(data: Any, *, n: int = 4, method: str = "exclusive") -> list[Any]:
    values = sorted(data)
    if n < 1:
        raise ValueError("n must be at least 1")
    if len(values) < 2:
        raise ValueError("must have at least two data points")
    m = len(values) - 1 if method == "inclusive" else len(values) + 1
    found = []
    for i in range(1, n):
        if method == "inclusive":
            j, delta = divmod(i * m, n)
            found.append((values[j] * (n - delta) + values[j + 1] * delta) / n)
        else:
            j = min(max(i * m // n, 1), len(values) - 1)
            delta = i * m - j * n
            found.append((values[j - 1] * (n - delta) + values[j] * delta) / n)
    return found


def _deviations(x: Any, y: Any, what: str) -> tuple[float, float, float, int]:
    xs, ys = _listed(x), _listed(y)
    if len(xs) != len(ys):
        raise ValueError(what + " requires that both inputs have same number of data points")
    if len(xs) < 2:
        raise ValueError(what + " requires at least two data points")
    n = len(xs)
    xbar, ybar = math.fsum(xs) / n, math.fsum(ys) / n
    pairs = list(zip(xs, ys))  # noqa: B905 - as above
    sxy = math.fsum([(a - xbar) * (b - ybar) for a, b in pairs])
    return sxy, math.fsum([(a - xbar) ** 2 for a in xs]), math.fsum([(b - ybar) ** 2 for b in ys]), n


def covariance(x: Any, y: Any) -> float:
    sxy, _, _, n = _deviations(x, y, "covariance")
    return sxy / (n - 1)


def correlation(x: Any, y: Any) -> float:
    sxy, sxx, syy, _ = _deviations(x, y, "correlation")
    if sxx == 0 or syy == 0:
        raise ValueError("at least one of the inputs is constant")
    return sxy / math.sqrt(sxx * syy)
