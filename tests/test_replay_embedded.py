"""Runs of the embedded model replay where its file is gone and nothing may be loaded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit import Agent, Answer, Budget, replay
from agentkit.models import load_model
from agentkit.models.embedded import adapter_file, embedded_file
from agentkit.record import canonical, load_record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(adapter_file() is None, reason="the embedded model has no adapter here: make it with `make adapter`"),
]
COMPARED = ("text", "citations", "steps", "critiques", "stop_reason", "usage")
PRICES = "# Prices\n\nA bed costs 24.00 a night. A tent costs 9.50 a night.\n"
BUDGET = Budget(steps=3, seconds=None)
QUESTIONS = ("What does a bed cost a night?", "What is 17 * 23?")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Path, Answer]]]:
    """A record and an answer a question; the model was merged into a home of its own and is deleted again."""
    folder = tmp_path_factory.mktemp("embedded")
    (folder / "docs").mkdir()
    (folder / "docs" / "prices.md").write_text(PRICES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_HOME", str(folder / "home"))
        model = embedded_file(folder / "home")
        agent = Agent(load_model("embedded", n_ctx=2048, n_threads=1), documents=folder / "docs", tools=["calculator"], budget=BUDGET)
        paths = [folder / f"{number}.jsonl" for number in range(len(QUESTIONS))]
        answers = [agent.ask(question, record=path) for question, path in zip(QUESTIONS, paths, strict=True)]
        model.unlink()
        assert not list(folder.rglob("*.gguf"))
        for name in ("agentkit.models.load_model", "agentkit.models.weights.Weights", "agentkit.models.chat_llama_cpp.open_weights"):
            patch.setattr(name, forbidden)
        yield list(zip(paths, answers, strict=True))


def forbidden(*args: Any, **options: Any) -> Any:
    raise AssertionError("a replay loads no model")


def plain(answer: Answer) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(answer.to_dict()))
    return data


def test_the_runs_did_something(runs: list[tuple[Path, Answer]]) -> None:
    steps = [step for _, answer in runs for step in answer.steps]
    assert steps and all(answer.text and answer.usage["output_tokens"] for _, answer in runs)


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_a_run_replays_equal_with_the_model_deleted(runs: list[tuple[Path, Answer]], number: int) -> None:
    path, answer = runs[number]
    again = path.with_suffix(".again")
    replayed = replay(path, record=again)
    for name in COMPARED:
        assert plain(replayed)[name] == plain(answer)[name], name
    assert plain(replayed) == plain(answer)
    assert canonical(load_record(again).events) == canonical(load_record(path).events)


def test_it_replays_through_an_agent_that_names_the_model_too(runs: list[tuple[Path, Answer]]) -> None:
    path, answer = runs[0]
    agent = Agent("embedded", documents=path.parent / "docs", tools=["calculator"], budget=BUDGET)
    assert plain(replay(path, agent=agent)) == plain(answer)
