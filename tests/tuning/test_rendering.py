"""Trajectories become the tokens of run time, trained where the agent writes."""

import string
from pathlib import Path

from langchain_core.messages import ToolMessage

from agentkit.contract import ToolSpec
from agentkit.models.template import FALLBACK
from agentkit.tuning.rendering import Renderer, to_messages
from agentkit.tuning.trajectory import Exchange, Made, Trajectory, Turn, read_trajectories, write_trajectories


class Characters:
    """A tokenizer of one token a character, and one for each control word."""

    end_tokens = frozenset({1})

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        if special:
            text = text.replace("<|im_start|>", "\0").replace("<|im_end|>", "\1")
        return [ord(character) for character in text]


PASSAGES = [{"source": "a.md", "location": "Prices", "text": "A bed costs 24."}]
FOUND = Exchange(
    question="bed?",
    answer="24.",
    turns=[Turn(calls=[Made(tool="find", args={"k": 1, "query": "bed"}, passages=PASSAGES)])],
    citations=[(0, "costs 24")],
)
WRONG = Exchange(
    question="two?",
    answer="48.",
    turns=[
        Turn(calls=[Made(tool="sum", args={}, text="expression is missing", status="error")], trained=False),
        Turn(calls=[Made(tool="sum", args={"e": "2*24"}, text="48")]),
        Turn(calls=[Made(tool="sum", args={"e": "2*24"}, status="hint")], trained=False),
    ],
)
TOOLS = [ToolSpec(name="find", description="Finds.", parameters={"properties": {"query": {"type": "string"}, "k": {"type": "integer"}}})]
BOTH = Trajectory(kind="mixed", group="x", exchanges=[FOUND, FOUND, WRONG], tools=TOOLS, instructions="Be kind.", tags=["joined"])


def shown(trajectory: Trajectory) -> tuple[str, list[tuple[str, float]]]:
    prefix, branch = Renderer(Characters(), FALLBACK).encode(trajectory)
    runs: list[tuple[str, float]] = []
    for token, weight in zip(branch.ids, branch.weights, strict=True):
        if runs and runs[-1][1] == weight:
            runs[-1] = (runs[-1][0] + chr(token), weight)
        else:
            runs.append((chr(token), weight))
    return "".join(map(chr, prefix)), runs


def test_the_agents_own_turns_are_trained_with_their_ends() -> None:
    _, runs = shown(BOTH)
    assert [(text, weight) for text, weight in runs if weight] == [
        ('Call: find {"query": "bed", "k": 1}\1', 1.0),
        ('Answer: 24 [1: "costs 24"].\1', 2.0),
        ('Call: find {"query": "bed", "k": 1}\1', 1.0),
        ('Answer: 24 [2: "costs 24"].\1', 2.0),
        ('Call: sum {"e": "2*24"}\1', 1.0),
        ("Answer: 48.\1", 1.0),
    ]
    assert "Call: sum {}" in "".join(text for text, weight in runs if not weight)


def test_the_prefix_is_all_that_an_offer_shares() -> None:
    prefix, runs = shown(BOTH)
    assert prefix.startswith("\0system\n") and prefix.endswith("Answer: TEXT\1\n\0user\n")
    assert "Instructions of the user: Be kind." in prefix
    assert runs[0][0].startswith("bed?\1\n\0assistant\n")


def test_passages_are_numbered_through_a_conversation() -> None:
    messages, _ = to_messages(BOTH)
    artifacts = [message.artifact for message in messages if isinstance(message, ToolMessage) and message.artifact]
    assert [artifact["passages"][0]["n"] for artifact in artifacts] == [1, 2]


def test_trajectories_survive_being_written(tmp_path: Path) -> None:
    write_trajectories(tmp_path / "t.jsonl", [BOTH, BOTH])
    read = list(read_trajectories(tmp_path / "t.jsonl"))
    assert len(read) == 2
    assert shown(read[0]) == shown(BOTH)
    assert read[0].kind == "mixed" and set(read[0].kind) <= set(string.ascii_lowercase)
