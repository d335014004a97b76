"""Rewriting a program so that Monty runs more of what CPython runs; line numbers stay as they are.

```
import statistics                 statistics = __statistics          (the module's source is run first, see `preludes/`)
from math import *                from math import sqrt              (the names that the program uses)
from collections import OrderedDict    OrderedDict = dict
(x for x in xs if x > 3)          iter(x for x in xs if x > 3)
map(str.upper, words)             map((lambda s, *a: s.upper(*a)), words)
del prices["tea"]                 prices.pop("tea")
class Till(object):               class Till:
prices["tea"] * 2   (last line)   its `repr`, as the value of the program
```

Only tokens are looked at: the program is hostile, and Python's own parser can be crashed by one. What is not understood stays as it is.
"""

import importlib
import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from tokenize import TokenInfo

__all__ = ["PRELUDES", "Rewritten", "prelude", "rewrite"]

PRELUDES = ("calendar", "fractions", "heapq", "io", "operator", "statistics", "string")
"""The modules that are run from source where a program imports them."""

PREFIX = "__"
"""What a module that was run from source is called, before its name."""

_NAMES: Mapping[str, str] = {
    "collections.OrderedDict": "dict",
    "functools.wraps": "(lambda wrapped: (lambda function: function))",
}
"""Names that a module of Monty's lacks, and what does the same."""

_STARS = ("math", "random", "itertools", "collections", "functools", "datetime", "decimal")
"""Modules of Monty's whose names can be listed for `from MODULE import *`."""

_COMPOUND = {"if", "for", "while", "def", "class", "with", "try", "async", "else", "elif", "except", "finally", "match", "@"}
_SIMPLE = {"import", "from", "return", "raise", "pass", "break", "continue", "global", "nonlocal", "del", "assert", "yield"}
_SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)
_MAX_LENGTH = 100_000

_SHOW = "(lambda value: None if value is None else repr(value)[:{limit}])"

Edit = tuple[tuple[int, int], tuple[int, int], str]
"""From where to where (line from 1, column from 0) what is put."""


@dataclass(frozen=True)
class Rewritten:
    """A program for Monty."""

    code: str
    modules: Sequence[str] = ()
    """The preludes to run first."""
    has_value: bool = False
    """Whether the last line is an expression, and its `repr` the value of the program."""


@dataclass
class _Edits:
    """What is to be changed, collected over a program."""

    edits: list[Edit] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """All names in the program."""

    def put(self, first: TokenInfo, last: TokenInfo, text: str) -> None:
        """Replace the tokens from one to another; lines are kept."""
        self.edits.append((first.start, last.end, text + "\n" * (last.end[0] - first.start[0])))

    def before(self, token: TokenInfo, text: str) -> None:
        self.edits.append((token.start, token.start, text))

    def after(self, token: TokenInfo, text: str) -> None:
        self.edits.append((token.end, token.end, text))


def rewrite(code: str, *, limit: int = 20_000) -> Rewritten:
    """Rewrite a program; the value of its last expression is shown with up to `limit` characters.

    >>> rewrite("import statistics as st\\nst.mean([1, 2])", limit=9).code.splitlines()[0]
    'st = __statistics'
    """
    if len(code) > _MAX_LENGTH:
        return Rewritten(f"{code}\nNone")
    try:
        statements = list(_statements(code))
    except (tokenize.TokenError, SyntaxError, ValueError, SystemError):  # CPython 3.13.0's tokenizer has a bug that ends in the last
        return Rewritten(f"{code}\nNone")
    changes = _Edits(used={token.string for statement in statements for token in statement if token.type == tokenize.NAME})
    for statement in statements:
        _import(statement, changes)
        _delete(statement, changes)
        _base(statement, changes)
        _calls(statement, changes)
    has_value = bool(statements) and _last_value(statements[-1], changes, limit)
    changed = _apply(code, changes.edits)
    return Rewritten(changed if has_value else f"{changed}\nNone", tuple(dict.fromkeys(changes.modules)), has_value)


@cache
def prelude(name: str) -> str:
    """The source of a module that Monty lacks."""
    return (resources.files("agentkit.tools.sandbox.preludes") / f"{name}.py").read_text(encoding="utf-8")


def _statements(code: str) -> Iterator[list[TokenInfo]]:
    """The simple statements, each as its tokens; the head of a compound one counts as a statement."""
    statement: list[TokenInfo] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in _SKIPPED or token.type in (tokenize.INDENT, tokenize.DEDENT):
            continue
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        ends = token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or (token.string == ";" and depth == 0)
        if not ends:
            statement.append(token)
        elif statement:
            yield statement
            statement = []


def _apply(code: str, edits: Sequence[Edit]) -> str:
    lines = code.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
        code = code[: starts[start[0] - 1] + start[1]] + text + code[starts[end[0] - 1] + end[1] :]
    return code


# imports


def _import(statement: list[TokenInfo], changes: _Edits) -> None:
    if statement[0].string == "import":
        _plain_import(statement, changes)
    elif statement[0].string == "from" and len(statement) > 3 and statement[2].string == "import":
        _from_import(statement, changes)


def _plain_import(statement: list[TokenInfo], changes: _Edits) -> None:
    """`import a, statistics as st`: what Monty has stays an import."""
    parts = [part.split(" as ") for part in " ".join(token.string for token in statement[1:]).split(" , ")]
    if not any(part[0] in PRELUDES for part in parts):
        return
    done = []
    for name, *alias in parts:
        if name in PRELUDES:
            changes.modules.append(name)
            done.append(f"{(alias or [name])[0]} = {PREFIX}{name}")
        else:
            done.append(" as ".join(["import " + name.replace(" ", ""), *alias]))
    changes.put(statement[0], statement[-1], "; ".join(done))


def _from_import(statement: list[TokenInfo], changes: _Edits) -> None:
    module = statement[1].string
    listed = " ".join(token.string for token in statement[3:] if token.string not in "()").strip(" ,")
    names = [part.split(" as ") for part in listed.split(" , ")]
    if names == [["*"]]:
        if module not in PRELUDES and module not in _STARS:
            return
        names = [[name] for name in _star(module) if name in changes.used]
    elif module not in PRELUDES and not any(f"{module}.{name}" in _NAMES for name, *_ in names):
        return
    changes.modules += [module] if module in PRELUDES else []
    changes.put(statement[0], statement[-1], "; ".join(_binding(module, *name) for name in names) or "pass")


def _binding(module: str, name: str, alias: str | None = None) -> str:
    if module in PRELUDES:
        return f"{alias or name} = {PREFIX}{module}.{name}"
    if f"{module}.{name}" in _NAMES:
        return f"{alias or name} = {_NAMES[f'{module}.{name}']}"
    return f"from {module} import {name}" + (f" as {alias}" if alias else "")


def _star(module: str) -> list[str]:
    """What `from MODULE import *` brings, as far as Monty has it."""
    where = f"agentkit.tools.sandbox.preludes.{module}" if module in PRELUDES else module
    names = [name for name in vars(importlib.import_module(where)) if not name.startswith("_")]
    return [name for name in names if name not in _LACKING.get(module, "Any math re datetime").split()]


_LACKING: Mapping[str, str] = {
    "collections": "ChainMap UserDict UserList UserString abc",
    "functools": "GenericAlias RLock WRAPPER_ASSIGNMENTS WRAPPER_UPDATES cached_property cmp_to_key get_cache_token namedtuple "
    "partialmethod recursive_repr singledispatch singledispatchmethod total_ordering update_wrapper",
    "random": "BPF LOG4 NV_MAGICCONST RECIP_BPF SG_MAGICCONST SystemRandom TWOPI main",
    "datetime": "MAXYEAR MINYEAR UTC datetime_CAPI sys tzinfo",
}
"""Public names that Monty's modules lack; a test compares them with the installed Monty."""


# statements and calls


def _delete(statement: list[TokenInfo], changes: _Edits) -> None:
    """`del x[key]` becomes `x.pop(key)`, `del x` an assignment; slices and several targets stay."""
    if statement[0].string != "del" or len(statement) < 2:
        return
    targets = statement[1:]
    if len(targets) == 1:
        changes.put(statement[0], targets[0], f"{targets[0].string} = None")
    elif targets[-1].string == "]":
        opened = _opening(targets)
        inside = targets[opened + 1 : -1]
        if opened > 0 and inside and not any(token.string in (":", ",") for token in [*inside, *targets[:opened]]):
            changes.edits.append((statement[0].start, targets[0].start, ""))
            changes.put(targets[opened], targets[opened], ".pop(")
            changes.put(targets[-1], targets[-1], ")")


def _base(statement: list[TokenInfo], changes: _Edits) -> None:
    """`class Till(object):` says no more than `class Till:`."""
    if [token.string for token in statement[2:6]] == ["(", "object", ")", ":"] and statement[0].string == "class":
        changes.put(statement[2], statement[4], "")


def _opening(tokens: Sequence[TokenInfo]) -> int:
    """Where the bracket begins that the last token ends."""
    depth = 0
    for place in range(len(tokens) - 1, -1, -1):
        depth += (tokens[place].string in ")]}") - (tokens[place].string in "([{") if tokens[place].type == tokenize.OP else 0
        if depth == 0:
            return place
    return -1


def _calls(statement: list[TokenInfo], changes: _Edits) -> None:
    strings = [token.string for token in statement]
    for place, token in enumerate(statement):
        after = strings[place + 1 : place + 3]
        if token.type == tokenize.OP and token.string == "(":
            _generator(statement, place, changes)
        elif token.type != tokenize.NAME or (place and strings[place - 1] == ".") or after[:1] != ["."] or len(after) < 2:
            continue
        elif token.string == "str" and hasattr(str, after[1]):
            changes.put(token, statement[place + 2], f"(lambda s, *a: s.{after[1]}(*a))")
        elif same := _NAMES.get(f"{token.string}.{after[1]}"):
            changes.put(token, statement[place + 2], same)


def _generator(statement: list[TokenInfo], opened: int, changes: _Edits) -> None:
    """Monty's generator expressions are lists, which `next` refuses: make an iterator of what isn't read at once by a call."""
    before = statement[opened - 1] if opened else None
    named = before is not None and before.type == tokenize.NAME and not keyword.iskeyword(before.string)
    is_call = before is not None and (named or before.string in (")", "]"))
    if is_call and before is not None and before.string != "next":
        return
    depth = 0
    has_for = False
    for token in statement[opened:]:
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        has_for = has_for or (token.string == "for" and depth == 1)
        if depth == 0:
            break
    if has_for and is_call:
        changes.after(statement[opened], "iter(")
        changes.before(token, ")")
    elif has_for:
        changes.before(statement[opened], "iter")


def _last_value(statement: list[TokenInfo], changes: _Edits, limit: int) -> bool:
    """Wrap the last statement if it is an expression on the outermost level."""
    first, last = statement[0], statement[-1]
    line = first.line[: first.start[1]]
    if line[:1].isspace() or line.split(" ")[0].rstrip(":") in _COMPOUND or (line.strip() and not line.rstrip().endswith(";")):
        return False
    if first.string in _COMPOUND | _SIMPLE or not _is_expression(statement):
        return False
    changes.before(first, _SHOW.format(limit=limit) + "((")
    changes.after(last, "))")
    return True


def _is_expression(statement: Sequence[TokenInfo]) -> bool:
    depth, is_lambda = 0, False
    for token in statement:
        is_lambda = is_lambda or token.string == "lambda"
        if token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        assigns = token.string.endswith("=") and token.string not in ("==", "!=", "<=", ">=")
        if depth == 0 and (assigns or (token.string == ":" and not is_lambda)):
            return False
    first = statement[0].string
    return not keyword.iskeyword(first) or first in ("not", "lambda", "await", "None", "True", "False")
