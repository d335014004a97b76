"""The modules that stand in for the standard library's do what the originals do."""

import calendar
import fractions
import functools
import heapq
import io
import math
import operator
import statistics
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.tools.sandbox.monty import MontyExecutor
from agentkit.tools.sandbox.preludes import calendar as our_calendar
from agentkit.tools.sandbox.preludes import fractions as our_fractions
from agentkit.tools.sandbox.preludes import heapq as our_heapq
from agentkit.tools.sandbox.preludes import io as our_io
from agentkit.tools.sandbox.preludes import operator as our_operator
from agentkit.tools.sandbox.preludes import statistics as our_statistics
from agentkit.tools.sandbox.preludes import string as our_string

numbers = st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9, allow_nan=False)
samples = st.lists(numbers, min_size=2, max_size=12)


def expect_same(ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    """Both give the same, or both refuse."""
    try:
        expected = theirs()
    except (ValueError, ZeroDivisionError, IndexError):
        with pytest.raises((ValueError, ZeroDivisionError, IndexError)):
            ours()
    else:
        found = ours()
        assert (found, type(found)) == (expected, type(expected))


EXACT = [
    "mean",
    "fmean",
    "median",
    "median_low",
    "median_high",
    "mode",
    "multimode",
    "variance",
    "pvariance",
    "stdev",
    "pstdev",
    "quantiles",
]


@given(samples)
@pytest.mark.parametrize("name", EXACT)
def test_statistics_agree_to_the_last_digit(name: str, values: list[float]) -> None:
    expect_same(lambda: getattr(our_statistics, name)(values), lambda: getattr(statistics, name)(values))


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=8))
def test_other_means_agree(values: list[float]) -> None:
    assert math.isclose(our_statistics.geometric_mean(values), statistics.geometric_mean(values), rel_tol=1e-12)
    assert math.isclose(our_statistics.harmonic_mean(values), statistics.harmonic_mean(values), rel_tol=1e-12)
    weights = list(range(1, len(values) + 1))
    # Python 3.12 and later sum the products in one rounding.
    assert math.isclose(our_statistics.fmean(values, weights), statistics.fmean(values, weights), rel_tol=1e-15)
    assert our_statistics.quantiles([*values, 1.0], n=5, method="inclusive") == statistics.quantiles(
        [*values, 1.0], n=5, method="inclusive"
    )
    assert our_statistics.pvariance(values, values[0]) == pytest.approx(sum((value - values[0]) ** 2 for value in values) / len(values))


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=8))
def test_pairs_agree(pairs: list[tuple[int, int]]) -> None:
    x, y = [a for a, _ in pairs], [b for _, b in pairs]
    assert our_statistics.covariance(x, y) == pytest.approx(statistics.covariance(x, y), abs=1e-9)
    if len(set(x)) > 1 and len(set(y)) > 1:
        assert our_statistics.correlation(x, y) == pytest.approx(statistics.correlation(x, y), abs=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.mean([]),
        lambda m: m.fmean([]),
        lambda m: m.median([]),
        lambda m: m.median_low([]),
        lambda m: m.median_high([]),
        lambda m: m.mode([]),
        lambda m: m.variance([1]),
        lambda m: m.pvariance([]),
        lambda m: m.stdev([1]),
        lambda m: m.pstdev([]),
        lambda m: m.geometric_mean([-1]),
        lambda m: m.harmonic_mean([]),
        lambda m: m.harmonic_mean([-1, 2]),
        lambda m: m.quantiles([1, 2], n=0),
        lambda m: m.covariance([1, 2], [1]),
        lambda m: m.covariance([1], [1]),
        lambda m: m.correlation([1, 1], [1, 2]),
        lambda m: m.fmean([1, 2], [1]),
        lambda m: m.harmonic_mean([1, 0]),
        lambda m: m.harmonic_mean([3]),
        lambda m: m.mean([fractions.Fraction(1, 2), 1]),
        lambda m: m.mean(iter([1, 2])),
        lambda m: m.mean([True, False, True, True]),
        lambda m: m.variance([1e300, -1e300]) if m is not statistics else float("inf"),
        lambda m: m.stdev([1e-320, 2e-320]),
    ],
)
def test_the_edges_of_statistics(call: Callable[[Any], Any]) -> None:
    try:
        expected = call(statistics)
    except (ValueError, OverflowError):
        with pytest.raises((ValueError, OverflowError)):
            call(our_statistics)
        return
    try:
        assert call(our_statistics) == expected
    except OverflowError:
        assert expected == math.inf


rationals = st.fractions(max_denominator=1000).filter(lambda value: abs(value) < 10**6)
BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "eq", "ne"]


def ours(value: fractions.Fraction) -> our_fractions.Fraction:
    return our_fractions.Fraction(value.numerator, value.denominator)


def plain(value: Any) -> Any:
    return fractions.Fraction(value.numerator, value.denominator) if isinstance(value, our_fractions.Fraction) else value


@given(rationals, rationals | st.integers(-99, 99) | st.floats(-99, 99).filter(lambda x: abs(x) > 0.01))
@pytest.mark.parametrize("name", BINARY)
def test_fractions_compute_alike(name: str, a: fractions.Fraction, b: Any) -> None:
    call = getattr(operator, name)
    other = ours(b) if isinstance(b, fractions.Fraction) else b
    expect_same(lambda: plain(call(ours(a), other)), lambda: call(a, b))
    expect_same(lambda: plain(call(other, ours(a))), lambda: call(b, a))


@given(rationals, st.integers(-5, 5))
def test_fractions_of_one_number(a: fractions.Fraction, n: int) -> None:
    calls: list[Callable[[Any], Any]] = [
        str,
        repr,
        float,
        int,
        round,
        abs,
        operator.neg,
        operator.pos,
        bool,
        math.floor,
        math.ceil,
        math.trunc,
    ]
    for call in calls:
        expect_same(functools.partial(lambda call: plain(call(ours(a))), call), functools.partial(call, a))
    expect_same(lambda: plain(ours(a) ** n), lambda: a**n)
    expect_same(lambda: plain(round(ours(a), n)), lambda: round(a, n))
    assert plain(ours(a).limit_denominator(n + 6)) == a.limit_denominator(n + 6)
    assert ours(a).as_integer_ratio() == a.as_integer_ratio() and hash(ours(a)) == hash(ours(a))


@pytest.mark.parametrize(
    "given_as", ["1/3", " -0.5 ", "3", "1e3", ".5", "2.5e-2", 0.1, 2.0**60, 7, True, "x", "1/0", "", float("inf"), "1/2/3"]
)
def test_fractions_are_made_from_the_same_things(given_as: Any) -> None:
    refused = (ValueError, ZeroDivisionError, OverflowError)
    try:
        expected = fractions.Fraction(given_as)
    except refused:
        with pytest.raises(refused):
            our_fractions.Fraction(given_as)
    else:
        assert plain(our_fractions.Fraction(given_as)) == expected


def test_fractions_of_other_kinds() -> None:
    from decimal import Decimal

    half = our_fractions.Fraction(Decimal("0.5"))
    assert str(half) == "1/2" and half != "1/2" and half.is_integer() is False
    assert our_fractions.Fraction(4) ** 0.5 == 2.0 and 2**half == 2**0.5 and 2 ** our_fractions.Fraction(3) == 8
    with pytest.raises(TypeError):
        our_fractions.Fraction([])
    with pytest.raises(ValueError, match="max_denominator"):
        half.limit_denominator(0)


@given(st.lists(st.integers(-20, 20), max_size=15), st.lists(st.integers(-20, 20), min_size=1, max_size=5), st.integers(-1, 6))
def test_heaps_are_the_same_lists(values: list[int], more: list[int], n: int) -> None:
    mine, real = list(values), list(values)
    our_heapq.heapify(mine)
    heapq.heapify(real)
    for item in more:
        assert our_heapq.heappushpop(mine, item) == heapq.heappushpop(real, item)
        our_heapq.heappush(mine, item)
        heapq.heappush(real, item)
        assert our_heapq.heapreplace(mine, item) == heapq.heapreplace(real, item) and mine == real
    assert [our_heapq.heappop(mine) for _ in range(len(mine))] == [heapq.heappop(real) for _ in range(len(real))]
    assert our_heapq.nlargest(n, values) == heapq.nlargest(n, values)
    assert our_heapq.nsmallest(n, values, key=abs) == heapq.nsmallest(n, values, key=abs)
    assert our_heapq.merge(sorted(values), sorted(more)) == list(heapq.merge(sorted(values), sorted(more)))


@given(st.integers(1, 9998), st.integers(1, 12), st.integers(0, 12), st.integers(0, 3))
def test_calendars_agree(year: int, month: int, width: int, lines: int) -> None:
    assert our_calendar.isleap(year) == calendar.isleap(year)
    assert our_calendar.monthrange(year, month) == tuple(map(int, calendar.monthrange(year, month)))
    assert our_calendar.monthcalendar(year, month) == calendar.monthcalendar(year, month)
    assert our_calendar.month(year, month, width, lines) == calendar.month(year, month, width, lines)
    assert our_calendar.leapdays(year, year + 50) == calendar.leapdays(year, year + 50)
    assert our_calendar.weekday(year, month, 3) == calendar.weekday(year, month, 3)
    assert our_calendar.timegm((2020, month, 3, 4, 5, 6)) == calendar.timegm((2020, month, 3, 4, 5, 6))


def test_names_of_days_and_months(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("day_name", "day_abbr", "month_name", "month_abbr"):
        assert getattr(our_calendar, name) == list(getattr(calendar, name))
    our_calendar.prmonth(2024, 2)
    assert capsys.readouterr().out == calendar.month(2024, 2)
    with pytest.raises(ValueError, match="bad month number 13"):
        our_calendar.monthrange(2024, 13)


def test_constants_of_string() -> None:
    names = [
        "ascii_letters",
        "ascii_lowercase",
        "ascii_uppercase",
        "digits",
        "hexdigits",
        "octdigits",
        "printable",
        "punctuation",
        "whitespace",
    ]
    assert all(getattr(our_string, name) == getattr(string, name) for name in names)
    assert our_string.capwords(" to  be ") == string.capwords(" to  be ")
    assert our_string.capwords("a-b", "-") == string.capwords("a-b", "-")


TWO = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and_",
    "or_",
    "xor",
    "lshift",
    "rshift",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]


@given(st.integers(-9, 9), st.integers(0, 9))
def test_operators_agree(a: int, b: int) -> None:
    for name in TWO:
        expect_same(functools.partial(getattr(our_operator, name), a, b), functools.partial(getattr(operator, name), a, b))
    for name in ("neg", "pos", "abs", "invert", "not_", "truth"):
        assert getattr(our_operator, name)(a) == getattr(operator, name)(a)


def test_getters_agree() -> None:
    things: list[Any] = [[1, 2, 1], {1: "a"}]
    for module in (operator, our_operator):
        m: Any = module
        assert (m.itemgetter(0)(things[0]), m.itemgetter(0, 1)(things[0])) == (1, (1, 2))
        assert (m.attrgetter("real")(3), m.attrgetter("real", "imag.real")(3)) == (3, (3, 0))
        assert m.methodcaller("count", 1)(things[0]) == 2
        assert (m.contains(things[0], 2), m.concat([1], [2]), m.getitem(things[1], 1)) == (True, [1, 2], "a")
        assert (m.countOf(things[0], 1), m.indexOf(things[0], 2)) == (2, 1)
        m.setitem(things[1], 1, "a")
        with pytest.raises(ValueError, match="not in sequence"):
            m.indexOf(things[0], 9)


actions = st.lists(
    st.tuples(
        st.sampled_from(["write", "read", "readline", "seek", "truncate", "readlines", "getvalue", "tell"]),
        st.text("a\nb", max_size=4),
        st.integers(0, 6),
    ),
    max_size=10,
)


@given(st.text("a\nb", max_size=8), actions)
def test_a_string_as_a_file_behaves_alike(text: str, steps: list[tuple[str, str, int]]) -> None:
    mine, real = our_io.StringIO(text), io.StringIO(text)
    for action, written, n in steps:
        args: tuple[Any, ...] = {"write": (written,), "read": (n,), "seek": (n,), "truncate": (n,)}.get(action, ())
        assert getattr(mine, action)(*args) == getattr(real, action)(*args)
    mine.seek(0)
    real.seek(0)
    assert list(mine) == list(real)
    mine.writelines(["x", "y"])
    mine.flush()
    mine.close()
    assert mine.getvalue().endswith("xy") and mine.closed


IN_MONTY = """
import statistics, fractions
values = [3.25, 1, 10**20, -2.5e-7, 4]
print(statistics.mean(values), statistics.stdev(values), statistics.pvariance([1, 2, 4]))
print(statistics.mean([fractions.Fraction(1, 3), 1]))
print(fractions.Fraction(0.1), fractions.Fraction('22/7').limit_denominator(5), 1 - fractions.Fraction(1, 3))
print([fractions.Fraction(-2, 4)])
print(sum([fractions.Fraction(1, n) for n in range(1, 6)]), {fractions.Fraction(1, 2): 'half'}[fractions.Fraction(2, 4)])
"""


def test_monty_computes_with_them_what_cpython_computes() -> None:
    import contextlib

    real = io.StringIO()
    with contextlib.redirect_stdout(real):
        exec(IN_MONTY, {})
    outcome = MontyExecutor().run(IN_MONTY, timeout=5)
    assert outcome.error is None and outcome.output == real.getvalue()
