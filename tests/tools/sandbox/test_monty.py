"""Monty as an executor: what comes back, and what is bounded."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentkit.errors import ToolError, UsageError
from agentkit.tools.sandbox import LEVELS, Cancellation, Outcome, executor
from agentkit.tools.sandbox import monty as level
from agentkit.tools.sandbox.monty import MAX_OUTPUT, MontyExecutor


def run(code: str, timeout: float = 5) -> Outcome:
    return executor("monty").run(code, timeout=timeout)


def test_levels_have_names_and_none_stands_in_for_another() -> None:
    assert LEVELS == ("monty",) and executor().level == "monty"
    with pytest.raises(UsageError, match="no executor level 'subprocess': choose one of monty"):
        executor("subprocess")


def test_output_value_and_level_come_back() -> None:
    outcome = run("import sys\nprint('a')\nprint('b', file=sys.stderr)\n1 + 1")
    assert (outcome.output, outcome.value, outcome.error, outcome.level) == ("a\nb\n", "2", None, "monty")
    assert 0 < outcome.seconds < 5


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("x = 5; x", "5"),
        ("'it'", "'it'"),
        ("None", None),
        ("print(1)", None),
        ("x = 5", None),
        ("x = [1,\n 2]\n(x\n .count(1))", "1"),
        ("1, 2", "(1, 2)"),
        ("*[1], 2", "(1, 2)"),
        ("lambda: 0", "<function '<lambda>'"),
        ("x: int = 3", None),
        ("x = 3\nx += 1", None),
        ("x = 3\nx == 3", "True"),
        ("if True: 5", None),
        ("for i in range(2):\n    i", None),
        ("not 1", "False"),
        ("{1: 2}  # the answer", "{1: 2}"),
        ("async def f():\n    return 4\nawait f()", "4"),
        ("", None),
        ("# nothing", None),
    ],
)
def test_the_last_expression_is_the_value(code: str, value: str | None) -> None:
    outcome = run(code)
    assert outcome.error is None
    assert outcome.value == value or (value is not None and str(outcome.value).startswith(value))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("x = (", "SyntaxError: unexpected EOF while parsing"),
        ("raise ValueError", "ValueError"),
        ("assert 1 == 2", "AssertionError"),
        ("missing", "NameError: name 'missing' is not defined"),
        ("open('/etc/passwd').read()", "PermissionError: Permission denied: '/etc/passwd'"),
        ("import os\nos.listdir('/')", "PermissionError: Permission denied: '/'"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'"),
        ("def f():\n    yield 1", "NotImplementedError: this Python has no yield expressions: write it in another way"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError: maximum recursion depth exceeded"),
        ("x = [0] * 10**9", "MemoryError: the program needed over 256 MB"),
        ("9**9**9", "MemoryError: the program needed over 256 MB"),
    ],
)
def test_a_failure_is_the_last_line_of_the_traceback(code: str, error: str) -> None:
    assert run(code).error == error


def test_what_was_printed_before_a_failure_is_kept() -> None:
    outcome = run("print('so far')\n1/0")
    assert (outcome.output, outcome.error) == ("so far\n", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("code", ["eval('(')", "raise SyntaxError('x')", "def f():\n    exec('def g(:')\nf()"])
def test_a_syntax_error_of_its_own_does_not_run_a_program_twice(code: str) -> None:
    outcome = run(f"print(1)\n{code}")
    assert outcome.output == "1\n" and str(outcome.error).startswith("SyntaxError")


@pytest.mark.parametrize("code", ["while True: pass", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"])
def test_time_is_bounded(code: str) -> None:
    began = time.monotonic()
    assert run(code, timeout=0.5).error == "TimeoutError: the program ran longer than 0.5 seconds"
    assert time.monotonic() - began < 2


def test_sleeping_takes_no_time_and_is_bounded() -> None:
    began = time.monotonic()
    assert run("import time\ntime.sleep(3600)\nprint('woke')", timeout=1).output == "woke\n"
    assert time.monotonic() - began < 1


def test_output_is_bounded_and_its_flood_stopped_early() -> None:
    outcome = run("while True:\n    print('x' * 1000)", timeout=10)
    assert len(outcome.output) == MAX_OUTPUT and outcome.seconds < 5
    assert outcome.error == "OutputError: the program printed over 100,000 characters and was stopped"


def test_a_value_that_is_huge_deep_or_hostile_is_no_danger() -> None:
    assert len(run("'x' * 10**7").value or "") == 20_000
    assert run("x = []\nfor i in range(100000): x = [x]\nx").value
    assert "RuntimeError: no" in str(run("class A:\n    def __repr__(self): raise RuntimeError('no')\nA()").error)
    assert "4300" in str(run("10**5000").error)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert run("print('a\ud800b')").output == "a?b\n"
    assert run("print('\\ud800')").output


def test_nothing_is_left_for_the_next_run() -> None:
    assert run("secret = 5\nimport math\nmath.pi").value
    assert run("secret").error == "NameError: name 'secret' is not defined"


def test_a_killed_worker_is_an_outcome_of_that_run_alone() -> None:
    results: list[Outcome] = []
    thread = threading.Thread(target=lambda: results.append(run("while True: pass", timeout=30)))
    thread.start()
    while not MontyExecutor.own_pids():
        time.sleep(0.01)
    for pid in MontyExecutor.own_pids():
        os.kill(pid, 9)
    thread.join(10)
    assert results[0].error == "SystemError: the program crashed the interpreter"
    assert run("print(1)").output == "1\n" and MontyExecutor.own_pids() == []


def test_a_program_can_be_stopped_from_another_thread() -> None:
    stop = Cancellation()
    timer = threading.Timer(0.3, stop.cancel)
    timer.start()
    outcome = executor().run("while True: pass", timeout=30, cancellation=stop)
    assert outcome.error == "KeyboardInterrupt: the program was stopped" and outcome.seconds < 5


def test_a_program_stopped_before_it_starts_does_not_run() -> None:
    stop = Cancellation()
    stop.cancel()
    assert executor().run("print(1)", timeout=5, cancellation=stop).error == "KeyboardInterrupt: the program was stopped"


def test_programs_run_side_by_side_and_wait_for_their_turn() -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: run(f"print(sum(range({n})))"), range(20)))
    assert [outcome.output for outcome in outcomes] == [f"{sum(range(n))}\n" for n in range(20)]


def test_no_free_worker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def checkout(self, **options: object) -> object:
            raise TimeoutError

    monkeypatch.setattr(level, "_pool", Busy)
    with pytest.raises(ToolError, match="no Python worker was free"):
        run("1")


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level, "_pools", {})
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    with pytest.raises(ToolError, match="pip install pydantic-monty"):
        level._start_pool()


def test_a_worker_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONTY_BIN", "/nonexistent/monty")
    with pytest.raises(ToolError, match="Monty's worker can't be started"):
        level._start_pool()


def test_workers_end_with_the_process_even_in_the_middle_of_a_program() -> None:
    code = (
        "import threading, time\n"
        "from agentkit.tools.sandbox.monty import MontyExecutor as M\n"
        "threading.Thread(target=lambda: M().run('while True: pass', timeout=60), daemon=True).start()\n"
        "while not M.own_pids(): time.sleep(0.01)\n"
        "print(*M.own_pids())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    time.sleep(0.2)
    for pid in map(int, done.stdout.split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert done.stdout.strip()


def test_a_forked_process_is_told_instead_of_hanging_and_its_parent_goes_on() -> None:
    code = """
import os
from agentkit.errors import ToolError
from agentkit.tools.python import run_program
print(run_program('6 * 7'), flush=True)
child = os.fork()
if child == 0:
    try:
        run_program('1')
    except ToolError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(run_program('1 + 1'))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert [line[:32] for line in done.stdout.splitlines()] == ["42", "Python can't run in a process th", "2"]
