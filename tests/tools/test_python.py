"""The python tool: what the model reads, on time, and on benign programs."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import SettingsError, ToolError
from agentkit.settings import MOST_SECONDS
from agentkit.tools import Policy, registry, tool_spec
from agentkit.tools.python import GRACE, LEVEL, make_python, render, run_program
from agentkit.tools.sandbox import Cancellation, Outcome
from agentkit.tools.sandbox.monty import MontyExecutor

BENIGN = {each["name"]: each for each in json.loads((Path(__file__).parent / "payloads/benign.json").read_text(encoding="utf-8"))}

BEYOND_MONTY = {
    "inherit", "property_dunder", "raise_custom", "generator", "enum", "context_mgr", "tempfile_rw", "numpy", "sympy", "pandas",
}  # fmt: skip
"""Inheritance, decorated methods, `yield`, files and libraries: for an executor with the whole of CPython."""


def failed(code: str, **options: Any) -> str:
    with pytest.raises(ToolError) as caught:
        run_program(code, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("print(6 * 7)", "42"),
        ("6 * 7", "42"),
        ("print('a')\n'b'", "a\n'b'"),
        ("print('a', end='')\n2", "a\n2"),
        ("x = 1", "The program printed nothing: end it with print(...)."),
        ("print()", "The program printed nothing: end it with print(...)."),
        ("def solve():\n    return 5", "The program printed nothing: end it with print(...)."),
        ("```python\nprint(1)\n```", "1"),
        ("```\nprint(1)```", "1"),
        ("\n    x = 2\n    print(x)\n", "2"),
        ("for i in range(2):\n\tprint(i)", "0\n1"),
        ("print('\\x1b[31mred\\x1b[0m')", "\\x1b[31mred\\x1b[0m"),
        ("print('é ✓')", "é ✓"),
    ],
)
def test_what_the_model_reads(code: str, read: str) -> None:
    assert run_program(code) == read


def test_a_failure_reads_as_output_and_the_last_line_of_the_traceback() -> None:
    assert failed("print('start')\nint('x')") == "start\nValueError: invalid literal for int() with base 10: 'x'"
    assert failed("print(1") == "SyntaxError: unexpected EOF while parsing"


def test_it_reads_the_same_whichever_executor_ran_it() -> None:
    outcomes = [Outcome(output="a\n", value="1", level=level) for level in ("monty", "another")]
    assert render(outcomes[0]) == render(outcomes[1]) == "a\n1"
    with pytest.raises(ToolError, match="a\nKeyError: 1"):
        render(Outcome(output="a\n", error="KeyError: 1", value="ignored", level="another"))


def test_long_output_keeps_its_beginning_and_its_end_with_a_note() -> None:
    text = run_program("for i in range(8000): print(i)")
    assert text.startswith("0\n1\n2\n") and text.endswith("\n7998\n7999")
    assert len(text) < 17_000 and "[cut here: " in text


def test_a_program_that_is_too_long_is_refused() -> None:
    assert failed("x" * 50_001) == "the program has 50,001 characters: 50,000 are allowed"


def test_the_time_comes_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_PYTHON_TIMEOUT", "0.3")
    began = time.monotonic()
    assert failed("while True: pass") == "TimeoutError: the program ran longer than 0.3 seconds"
    assert time.monotonic() - began < 2
    monkeypatch.setenv("AGENTKIT_PYTHON_TIMEOUT", "soon")
    with pytest.raises(SettingsError, match="python_timeout = 'soon'"):
        run_program("1")


async def test_a_setting_that_changes_after_the_tool_was_made_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def run(code: str, *, timeout: float, cancellation: Cancellation) -> str:
        given.append(timeout)
        return "ran"

    tool = registry.get("python")
    monkeypatch.setattr("agentkit.tools.python.run_program", run)
    for seconds in ("60", "0.5"):
        monkeypatch.setenv("AGENTKIT_PYTHON_TIMEOUT", seconds)
        await tool.ainvoke({"code": "1"})
        await asyncio.to_thread(tool.invoke, {"code": "1"})
    assert given == [60, 60, 0.5, 0.5]
    assert registry.policy("python").timeout > 60 + GRACE, "its policy never ends a program that the settings allow"


async def test_an_executor_that_hangs_is_given_up_soon_after_the_programs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hung, stopped = threading.Event(), []

    def hang(code: str, *, timeout: float, cancellation: Cancellation) -> str:
        cancellation.on_cancel(lambda: stopped.append(code))
        hung.wait(30)
        return "too late"

    monkeypatch.setattr("agentkit.tools.python.run_program", hang)
    monkeypatch.setattr("agentkit.tools.python.GRACE", 0.1)
    monkeypatch.setenv("AGENTKIT_PYTHON_TIMEOUT", "0.1")
    tool = make_python()
    late = "python took longer than 0.2 seconds and may still be running: ask for less, or try something else"
    with pytest.raises(ToolError, match=late):
        await tool.ainvoke({"code": "a"})
    with pytest.raises(ToolError, match=late):
        tool.invoke({"code": "b"})
    hung.set()
    assert stopped == ["a", "b"]


def test_the_tool_is_marked_and_names_its_level() -> None:
    tool = make_python()
    assert tool.metadata is not None and tool.metadata["level"] == LEVEL == "monty"
    assert registry.policy("python") == Policy(timeout=MOST_SECONDS + 2 * GRACE, effect="none", approval="auto")
    assert tool_spec(tool).parameters["required"] == ["code"]


async def test_the_tool_runs_from_both_worlds() -> None:
    tool = registry.get("python")
    assert await tool.ainvoke({"code": "print(6 * 7)"}) == "42"
    assert await asyncio.to_thread(tool.invoke, {"code": "print(6 * 7)"}) == "42"
    with pytest.raises(ToolError, match="ZeroDivisionError"):
        await tool.ainvoke({"code": "1/0"})


async def test_cancelling_ends_the_program_as_well() -> None:
    task = asyncio.create_task(registry.get("python").ainvoke({"code": "while True: pass"}))
    while not MontyExecutor.own_pids():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if not MontyExecutor.own_pids():
            break
        await asyncio.sleep(0.02)
    assert MontyExecutor.own_pids() == []


@pytest.mark.parametrize("name", [name for name in BENIGN if name not in BEYOND_MONTY])
def test_a_benign_program_prints_what_it_should(name: str) -> None:
    assert run_program(BENIGN[name]["code"]).strip() == BENIGN[name]["expect"].strip()


@pytest.mark.parametrize("name", sorted(BEYOND_MONTY))
def test_what_monty_lacks_is_told_in_one_line(name: str) -> None:
    assert failed(BENIGN[name]["code"]).startswith(("NotImplementedError: this Python has no ", "ModuleNotFoundError: "))


@given(st.text(max_size=80))
def test_any_text_is_run_or_refused(code: str) -> None:
    try:
        assert run_program(code)
    except ToolError as error:
        assert str(error)


@pytest.mark.slow
def test_a_thousand_runs_leave_the_process_as_it_was() -> None:
    resource = pytest.importorskip("resource")
    for _ in range(50):
        run_program("print([n for n in range(1000)])")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(1000):
        run_program("print([n for n in range(1000)])")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 4
