"""`operator`: the operators as functions, and getters for keys."""

from typing import Any


def itemgetter(*items: Any) -> Any:
    if len(items) == 1:
        return lambda thing: thing[items[0]]
    return lambda thing: tuple([thing[item] for item in items])


def attrgetter(*names: Any) -> Any:
    def follow(thing: Any, name: str) -> Any:
        for part in name.split("."):
            thing = getattr(thing, part)
        return thing

    if len(names) == 1:
        return lambda thing: follow(thing, names[0])
    return lambda thing: tuple([follow(thing, name) for name in names])


def methodcaller(name: str, *args: Any, **kwargs: Any) -> Any:
    return lambda thing: getattr(thing, name)(*args, **kwargs)


def add(a: Any, b: Any) -> Any:
    return a + b


def sub(a: Any, b: Any) -> Any:
    return a - b


def mul(a: Any, b: Any) -> Any:
    return a * b


def truediv(a: Any, b: Any) -> Any:
    return a / b


def floordiv(a: Any, b: Any) -> Any:
    return a // b


def mod(a: Any, b: Any) -> Any:
    return a % b


def pow(a: Any, b: Any) -> Any:
    return a**b


def neg(a: Any) -> Any:
    return -a


def pos(a: Any) -> Any:
    return +a


def abs(a: Any) -> Any:
    return -a if a < 0 else a


def eq(a: Any, b: Any) -> Any:
    return a == b


def ne(a: Any, b: Any) -> Any:
    return a != b


def lt(a: Any, b: Any) -> Any:
    return a < b


def le(a: Any, b: Any) -> Any:
    return a <= b


def gt(a: Any, b: Any) -> Any:
    return a > b


def ge(a: Any, b: Any) -> Any:
    return a >= b


def and_(a: Any, b: Any) -> Any:
    return a & b


def or_(a: Any, b: Any) -> Any:
    return a | b


def xor(a: Any, b: Any) -> Any:
    return a ^ b


def invert(a: Any) -> Any:
    return ~a


def lshift(a: Any, b: Any) -> Any:
    return a << b


def rshift(a: Any, b: Any) -> Any:
    return a >> b


def not_(a: Any) -> bool:
    return not a


def truth(a: Any) -> bool:
    return bool(a)


def is_(a: Any, b: Any) -> bool:
    return a is b


def is_not(a: Any, b: Any) -> bool:
    return a is not b


def contains(a: Any, b: Any) -> bool:
    return b in a


def concat(a: Any, b: Any) -> Any:
    return a + b


def getitem(a: Any, b: Any) -> Any:
    return a[b]


def setitem(a: Any, b: Any, c: Any) -> None:
    a[b] = c


def countOf(a: Any, b: Any) -> int:
    return sum([1 for item in a if item == b])


def indexOf(a: Any, b: Any) -> int:
    for place, item in enumerate(a):
        if item == b:
            return place
    raise ValueError("sequence.index(x): x not in sequence")
