"""What is rewritten so that Monty runs it, and what is left alone."""

import importlib
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.tools.sandbox.monty import MontyExecutor
from agentkit.tools.sandbox.monty_source import _LACKING, _STARS, PRELUDES, prelude, rewrite


def printed(code: str) -> str:
    outcome = MontyExecutor().run(textwrap.dedent(code), timeout=5)
    assert outcome.error is None, outcome.error
    return outcome.output.strip()


@pytest.mark.parametrize(
    ("code", "rewritten"),
    [
        ("import statistics", "statistics = __statistics\nNone"),
        ("import math, statistics as st, os.path", "import math; st = __statistics; import os.path\nNone"),
        ("from statistics import mean, stdev as sd", "mean = __statistics.mean; sd = __statistics.stdev\nNone"),
        (
            "from heapq import (\n  heappush,  # put\n  heappop,\n)\nx = 1",
            "heappush = __heapq.heappush; heappop = __heapq.heappop\n\n\n\nx = 1\nNone",
        ),
        ("from collections import Counter, OrderedDict as OD", "from collections import Counter; OD = dict\nNone"),
        ("del x[0]", "x.pop(0)\nNone"),
        ("del a.b['c']", "a.b.pop('c')\nNone"),
        ("del x", "x = None\nNone"),
        ("del x[1:2]", "del x[1:2]\nNone"),
        ("del x[0], y", "del x[0], y\nNone"),
        ("class A(object):\n    pass", "class A:\n    pass\nNone"),
        ("x = map(str.upper, y)", "x = map((lambda s, *a: s.upper(*a)), y)\nNone"),
        ("x = next(n for n in y)", "x = next(iter(n for n in y))\nNone"),
        ("x = next((n for n in y), None)", "x = next(iter(n for n in y), None)\nNone"),
        ("g = (n for n in y)", "g = iter(n for n in y)\nNone"),
        ("x = sum(n for n in y)", "x = sum(n for n in y)\nNone"),
        ("x = ([n for n in y])", "x = ([n for n in y])\nNone"),
        ("'''\nimport statistics\n'''; x = 1", "'''\nimport statistics\n'''; x = 1\nNone"),
        ("x = collections.OrderedDict()", "x = dict()\nNone"),
        ("from nowhere import *", "from nowhere import *\nNone"),
        ("from math import *\nx = sqrt(pi)", "from math import sqrt; from math import pi\nx = sqrt(pi)\nNone"),
        ("from math import *\nx = 1", "pass\nx = 1\nNone"),
        ("x = (1", "x = (1\nNone"),
    ],
)
def test_only_what_needs_it_is_rewritten(code: str, rewritten: str) -> None:
    assert rewrite(code).code == rewritten


def test_line_numbers_stay() -> None:
    code = "import math, statistics\nfrom heapq import (\n    heappush,\n)\nx = 5\nx"
    assert len(rewrite(code).code.splitlines()) == len(code.splitlines())


def test_a_very_long_program_is_left_alone() -> None:
    code = "x = 1\n" * 20_000
    assert rewrite(code).code == f"{code}\nNone"


@given(st.text("ab =()[]{}:,;.#'\"\n\\ndelimportstrforx*123", max_size=60))
def test_any_text_can_be_rewritten_and_keeps_its_lines(code: str) -> None:
    changed = rewrite(code)
    assert changed.code.count("\n") - (not changed.has_value) >= code.count("\n")


@pytest.mark.parametrize("module", PRELUDES)
def test_a_prelude_runs_in_monty_and_its_names_can_be_listed(module: str) -> None:
    defined = vars(importlib.import_module(f"agentkit.tools.sandbox.preludes.{module}"))
    names = [name for name in defined if name[0].isalpha() and name[0] != "A"]
    assert prelude(module).startswith('"""')
    assert printed(f"import {module} as m\nprint(all([hasattr(m, name) for name in {names!r}]))") == "True"


@pytest.mark.parametrize("module", _STARS)
def test_a_star_import_brings_what_monty_has(module: str) -> None:
    lacking = set(_LACKING.get(module, "").split())
    names = [name for name in vars(importlib.import_module(module)) if name[0] != "_" and name not in lacking]
    assert names
    assert printed(f"from {module} import *\nprint(None in [{', '.join(names)}])") == "False"


def test_programs_that_monty_alone_would_not_run() -> None:
    assert printed("from math import *\nprint(sqrt(16), comb(5, 2))") == "4.0 10"
    assert printed("from statistics import *\nprint(mean([1, 2]), round(stdev([1, 2, 3]), 2))") == "1.5 1.0"
    assert printed("import statistics\nprint(statistics.median([3, 1, 2]))") == "2"
    assert printed("def f():\n    from fractions import Fraction as F\n    return F(1, 2) + F('1/3')\nprint(f(), float(f()))").startswith(
        "5/6 0.83"
    )
    assert printed("words = ['b', 'A']\nprint(sorted(words, key=str.lower), *map(str.upper, words))") == "['A', 'b'] B A"
    assert printed("g = (n * n for n in range(5))\nprint(next(g), next(g), sum(g))") == "0 1 29"
    assert printed("print(next((w for w in ['a', 'bb'] if len(w) > 1), None))") == "bb"
    assert printed("d = {'a': 1, 'b': 2}\nl = [1, 2, 3]\ndel d['a']\ndel l[-1]\nprint(d, l)") == "{'b': 2} [1, 2]"
    assert printed("import csv, io\nprint(list(csv.DictReader(io.StringIO('a,b\\n1,2\\n'))))") == "[{'a': '1', 'b': '2'}]"
    assert printed("import calendar\nprint(calendar.monthrange(2024, 2)[1], calendar.day_name[0])") == "29 Monday"
    assert printed("from operator import itemgetter\nprint(sorted({'a': 2, 'b': 1}.items(), key=itemgetter(1)))") == "[('b', 1), ('a', 2)]"
    assert printed("import string\nprint(string.ascii_lowercase[:3], string.capwords('to be'))") == "abc To Be"
    assert printed("import heapq\nh = [3, 1, 2]\nheapq.heapify(h)\nprint(heapq.heappop(h), heapq.nlargest(1, h))") == "1 [3]"


def test_names_of_a_users_own_do_not_reach_into_a_module() -> None:
    assert (
        printed("from statistics import stdev\ndef mean(x): return 'mine'\ndef _spread(x): return 0\nprint(stdev([1, 2, 3]), mean(1))")
        == "1.0 mine"
    )
