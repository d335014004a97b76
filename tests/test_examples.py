"""The examples: their form, and that each runs from any folder and prints what it says it prints.

The embedded model answers here, so what is asserted is structure (exit codes, calls, literal quotes), never its wording.
"""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from agentkit.models.embedded import adapter_file
from agentkit.retrieval import Knowledge
from agentkit.testing import ScriptedModel

FOLDER = Path(__file__).resolve().parent.parent / "examples"
HANDBOOK = FOLDER / "handbook"
EXAMPLES = sorted(path.name for path in FOLDER.glob("[0-9]*.py"))
MOST_LINES = 70
MOST_SECONDS = 280
CITATION = re.compile(r'^ +\[(\d+)\] (\S+), (.*): (".*")$', re.MULTILINE)


@pytest.fixture(scope="session")
def examples_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all examples: models are merged and documents indexed once."""
    return tmp_path_factory.mktemp("examples-home")


Runner = Callable[..., str]


@pytest.fixture
def run(examples_home: Path, tmp_path: Path) -> Runner:
    """Run an example as a user would, from another folder, and give back what it printed."""

    def run(name: str, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, str(FOLDER / name), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=MOST_SECONDS,
            env={**os.environ, "AGENTKIT_HOME": str(examples_home), "PYTHONUTF8": "1", **environment},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return run


def answers(printed: str) -> list[str]:
    """The answers that were printed, none of them empty."""
    found = re.findall(r"^Answer: ?(.*)$", printed, re.MULTILINE)
    assert found and all(text.strip() for text in found), printed
    return found


def calls(printed: str, *allowed: str) -> list[tuple[str, Any]]:
    """The calls that were printed, each of an allowed tool with an object of arguments."""
    found = [(name, json.loads(args)) for name, args in re.findall(r"^Call: (\S+) (.*)$", printed, re.MULTILINE)]
    assert all(name in allowed and isinstance(args, dict) for name, args in found), found
    assert found or adapter_file() is None, "the embedded model acts once it has its adapter"
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_says_what_it_shows_and_prints(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(source)) or ""
    assert len(source.splitlines()) <= MOST_LINES
    assert "Shows" in said and "Prints" in said and f".venv/bin/python examples/{name}" in said


def test_the_examples_are_numbered_without_a_gap() -> None:
    numbers = [int(name[:2]) for name in EXAMPLES]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[-1] == 8


@pytest.mark.slow
def test_the_demo_asks_three_questions_and_shows_each_step(examples_home: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "AGENTKIT_HOME": str(examples_home), "PYTHONUTF8": "1"}
    command = [sys.executable, str(FOLDER / "00_demo.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS)
    end = re.search(r"^(\d) of 3 answered\.", done.stdout, re.MULTILINE)
    assert done.stdout.count("== question: ") == 3 and end is not None, done.stdout + done.stderr
    assert done.returncode == (0 if end[1] == "3" else 1)
    called = set(re.findall(r"^ \d  (\w+)", done.stdout, re.MULTILINE))
    assert adapter_file() is None or called >= {"search_documents", "calculator", "python"}, done.stdout


@pytest.mark.slow
def test_documents_are_cited_literally(run: Runner, examples_home: Path) -> None:
    printed = run("01_documents.py")
    answers(printed)
    calls(printed, "search_documents", "calculator", "python")
    knowledge = Knowledge(HANDBOOK, home=examples_home)
    for n, source, location, written in CITATION.findall(printed):
        quote = json.loads(written)
        hits = [hit.text for hit in knowledge.search(quote, k=20) if (hit.source, hit.location) == (source, location)]
        assert int(n) >= 1 and any(quote in text for text in hits), (source, location, quote)


@pytest.mark.slow
def test_a_sum_and_a_program_are_shown_with_their_cost(run: Runner) -> None:
    printed = run("02_sum_and_program.py")
    calls(printed, "calculator", "python")
    assert len(answers(printed)) == 2
    assert len(re.findall(r"^\(\w+, \d+ tokens in, \d+ out, \d+\.\d s\)$", printed, re.MULTILINE)) == 2


@pytest.mark.slow
def test_a_tool_of_ones_own_is_called_with_arguments_of_its_schema(run: Runner) -> None:
    printed = run("03_own_tool.py")
    made = calls(printed, "calculator", "water_level")
    assert len(answers(printed)) == 2
    assert printed.startswith('- water_level(place: "Haldern"|"Kolk"|"Abbey Lock"|"Lake Lock"): ')
    assert all(args["place"] in ("Haldern", "Kolk", "Abbey Lock", "Lake Lock") for name, args in made if name == "water_level")


@pytest.fixture
def serving() -> Iterator[Callable[[ScriptedModel], AbstractContextManager[str]]]:
    """The small server of the examples."""
    spec = importlib.util.spec_from_file_location("small_server", FOLDER / "small_server.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module.serving


def test_an_endpoint_is_asked_over_http(run: Runner, serving: Callable[[ScriptedModel], AbstractContextManager[str]]) -> None:
    model = ScriptedModel([{"name": "calculator", "args": {"expression": "17.5% of 1236"}}, "It is 216.3."])
    with serving(model) as url:
        printed = run("04_endpoint.py", "scripted", OPENAI_BASE_URL=url)
    model.assert_done()
    assert printed.splitlines()[0] == f"Endpoint: {url}"
    assert calls(printed, "calculator") == [("calculator", {"expression": "17.5% of 1236"})]
    assert answers(printed) == ["It is 216.3."]
    assert model.requests[1].messages[-1].content == "Result of calculator:\n216.3"


def test_the_small_server_answers_in_one_piece_too(serving: Callable[[ScriptedModel], AbstractContextManager[str]]) -> None:
    from agentkit.models import load_model

    with serving(ScriptedModel(["Good morning."])) as url:
        message = load_model("openai:small", base_url=url).invoke("Say good morning.")
    assert (message.content, message.response_metadata["finish_reason"]) == ("Good morning.", "stop")


@pytest.mark.slow
def test_without_an_endpoint_the_example_brings_its_own(run: Runner) -> None:
    printed = run("04_endpoint.py")
    answers(printed)
    calls(printed, "calculator")
    assert re.match(r"Endpoint: http://127\.0\.0\.1:\d+/v1\n", printed)


@pytest.mark.slow
def test_events_are_printed_as_they_come_and_end_with_the_answer(run: Runner) -> None:
    printed = run("05_streaming.py")
    made = calls(printed, "search_documents")
    answers(printed)
    end = re.search(r"^\((\w+), (\d+) calls, \d+\.\d s\)\n\Z", printed, re.MULTILINE)
    assert end is not None and int(end[2]) == len(made)
    assert len(re.findall(r"^search_documents gave \d+ characters: ", printed, re.MULTILINE)) == len(made)


@pytest.mark.slow
def test_a_thread_goes_on_with_another_agent_and_from_the_cache(run: Runner) -> None:
    printed = run("06_thread.py")
    assert len(answers(printed)) == 3
    cached = [int(tokens) for tokens in re.findall(r"(\d+) of \d+ prompt tokens from the cache\)$", printed, re.MULTILINE)]
    assert len(cached) == 3 and cached[1] > 0 and cached[2] > 0
    assert printed.splitlines()[-1] == "Threads: example"


@pytest.mark.slow
def test_a_typed_answer_is_an_object_of_its_class(run: Runner) -> None:
    printed = run("07_typed_answer.py")
    shown = re.search(r"^JSON: (.*)$", printed, re.MULTILINE)
    assert shown is not None and set(json.loads(shown[1])) == {"amount", "currency", "per"}
    assert re.search(r"^Value: Price\(amount=.*, currency='(euros|dollars)', per=.*\)$", printed, re.MULTILINE)


@pytest.mark.slow
def test_a_replay_is_equal_and_tells_of_a_changed_prompt(run: Runner, tmp_path: Path) -> None:
    printed = run("08_replay.py", str(tmp_path / "run.jsonl"))
    answers(printed)
    events = re.findall(r"^Event: (\w+) ", printed, re.MULTILINE)
    assert (events[0], events[-1]) == ("asked", "answer") and len(events) == len((tmp_path / "run.jsonl").read_text().splitlines())
    assert "\nEqual: True\n" in printed
    assert re.search(r"^Changed: the prompt of turn 1, step 1 differs", printed, re.MULTILINE)
