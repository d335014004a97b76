"""What the samples of a run are: counts, lengths, repetitions, and that no measuring question is among them.

    python -m agentkit.tuning.check_data WORK [--questions FOLDER]

WORK is the folder of a run of `make_adapter`. With `--questions` (default `AGENTKIT_QUESTIONS`) every file of that folder is
compared with the samples: eight words in a row that occur in both are an overlap, and so is a whole question of three words or more;
there must be none.
"""

import argparse
import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agentkit.tuning.trajectory import Trajectory, read_trajectories

__all__ = ["check", "main", "overlaps", "word_grams"]

GRAM = 8
"""Words in a row that must not be shared."""

SHORTEST = 3
"""Words of a question that must not be asked in training too; what is shorter is what everybody says."""

_READ = (".jsonl", ".json", ".md", ".txt", ".html", ".csv")


def word_grams(text: str, size: int = GRAM) -> Iterator[str]:
    """All runs of `size` words, case and punctuation aside.

    >>> list(word_grams("One, two three!", 2))
    ['one two', 'two three']
    """
    words = re.findall(r"\w+", text.casefold())
    for start in range(len(words) - size + 1):
        yield " ".join(words[start : start + size])


def overlaps(trajectories: Iterable[Trajectory], questions: Path) -> list[str]:
    """Runs of words that stand in the samples' questions, answers or passages and in a file of `questions`, and whole questions."""
    paths = [path for path in sorted(questions.rglob("*")) if path.suffix in _READ]
    measured = {gram for path in paths for gram in word_grams(_text(path))}
    asked = {question for path in paths if path.suffix == ".jsonl" for question in _questions(path)}
    own: set[str] = set()
    for trajectory in trajectories:
        asked_here = {_plain(exchange.question) for exchange in trajectory.exchanges}
        own.update(question for question in asked & asked_here if len(question.split()) >= SHORTEST)
        own.update(gram for text in _texts(trajectory) for gram in word_grams(text) if gram in measured)
    return sorted(own)


def _questions(path: Path) -> Iterator[str]:
    """The questions of a file of rows or of conversations."""
    for line in _text(path).splitlines():
        with contextlib.suppress(ValueError, AttributeError, TypeError):  # other files need not hold rows
            row = json.loads(line)
            yield from (_plain(str(turn["question"])) for turn in row.get("turns", [row]) if "question" in turn)


def _plain(question: str) -> str:
    return " ".join(re.findall(r"\w+|[-+*/^%]", question.casefold()))


def check(trajectories: Sequence[Trajectory], tokens: Sequence[tuple[int, float]]) -> dict[str, Any]:
    """Counts by kind and tag, tokens by kind, and how many conversations are repeated.

    Args:
        trajectories: the samples.
        tokens: number of tokens, and of trained ones, of each.
    """
    kinds = sorted({trajectory.kind for trajectory in trajectories})
    paired = list(zip(trajectories, tokens, strict=True))
    said = Counter(json.dumps([(e.question, e.answer) for e in t.exchanges]) + str(t.tools) for t in trajectories)
    lengths = sorted(total for total, _ in tokens)
    return {
        "conversations": len(trajectories),
        "kinds": {
            kind: {
                "conversations": sum(t.kind == kind for t in trajectories),
                "exchanges": sum(len(t.exchanges) for t in trajectories if t.kind == kind),
                "tokens": sum(total for t, (total, _) in paired if t.kind == kind),
                "trained": round(sum(own for t, (_, own) in paired if t.kind == kind)),
            }
            for kind in kinds
        },
        "tags": dict(Counter(tag for t in trajectories for tag in set(t.tags))),
        "groups": len({t.group for t in trajectories}),
        "lengths": {"median": lengths[len(lengths) // 2], "99%": lengths[int(len(lengths) * 0.99)], "longest": lengths[-1]},
        "repeated": sum(count - 1 for count in said.values()),
    }


def _texts(trajectory: Trajectory) -> Iterator[str]:
    for exchange in trajectory.exchanges:
        yield exchange.question
        yield exchange.answer
        for turn in exchange.turns:
            for call in turn.calls:
                yield call.text
                yield from (passage["text"] for passage in call.passages or ())


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where something must not be."""
    from agentkit.tuning.base_weights import embedded_base
    from agentkit.tuning.rendering import Renderer

    parser = argparse.ArgumentParser(prog="python -m agentkit.tuning.check_data", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("work", type=Path, help="folder of a run of make_adapter")
    parser.add_argument("--questions", type=Path, default=os.environ.get("AGENTKIT_QUESTIONS"), help="folder of measuring questions")
    options = parser.parse_args(arguments)
    renderer = Renderer.of_base(str(embedded_base()))
    shared: list[str] = []
    for name in ("samples", "held_back"):
        trajectories = list(read_trajectories(options.work / f"{name}.jsonl"))
        branches = [renderer.encode(trajectory)[1] for trajectory in trajectories]
        found = check(trajectories, [(len(branch.ids), sum(weight > 0 for weight in branch.weights)) for branch in branches])
        print(name, json.dumps(found, indent=1))
        shared += overlaps(trajectories, options.questions) if options.questions else []
    if options.questions:
        print(f"shared with {options.questions}: {len(shared)} runs of {GRAM} words {shared[:5]}")
    return 1 if shared else 0


if __name__ == "__main__":
    raise SystemExit(main())
