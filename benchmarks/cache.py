"""Tokens that the model reads again, step by step: prompts of a run are extensions of each other, so it should be none.

    .venv/bin/python benchmarks/cache.py

The embedded agent answers questions in one thread, from documents, by a sum and by a program. For every model turn: the
tokens of its prompt, those that were submitted to `llama_decode` to read it, and those that were new since the last turn (what
the model wrote counts as read, what was put between the turns and the prompt's last words as new).
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from timing import header, table, verdict

DOCUMENTS = Path(__file__).resolve().parent.parent / "examples" / "handbook"
QUESTIONS = ("Who is the treasurer?", "What is 17% of 2,350?", "How many primes are below 90?", "When does the office open?", "Thanks!")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=DOCUMENTS, help="the documents")
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), help="asked in one thread")
    given = parser.parse_args()
    header("benchmarks/cache.py")
    rows = turns(given.docs, given.questions)
    table(
        ["question", "step", "prompt", "new", "read", "read again"],
        [[row.question[:32], *map(str, (row.step, row.prompt, row.new, row.read, max(0, row.read - row.new)))] for row in rows],
    )
    read, new, prompts = (sum(getattr(row, name) for row in rows) for name in ("read", "new", "prompt"))
    print(f"{len(rows)} turns: prompts of {prompts} tokens in all, {new} new, {read} read: {1 - read / prompts:.0%} were kept")
    print(verdict("tokens read / new tokens", read / new, 1.0))


class Turn(NamedTuple):
    """What one model turn cost, in tokens."""

    question: str
    step: int
    prompt: int
    new: int
    read: int


def turns(documents: Path, questions: list[str]) -> list[Turn]:
    """Ask, and read what each model turn cost from the records."""
    from agentkit import Agent

    found: list[Turn] = []
    known = 0  # tokens that stood in the cache when the last turn ended
    with tempfile.TemporaryDirectory() as folder:
        agent = Agent("embedded", documents=[documents])
        for number, question in enumerate(questions):
            record = Path(folder) / f"{number}.jsonl"
            agent.ask(question, thread="cache", record=record)
            for step, usage in messages(record):
                prompt, written = usage["input_tokens"], usage["output_tokens"]
                found.append(Turn(question, step, prompt, prompt - known, prompt - usage["input_token_details"]["cache_read"]))
                known = prompt + written - 1  # the last token that a model writes is read with what follows
    return found


def messages(record: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Step and usage of each model turn of a record."""
    for line in record.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "message":
            yield event["step"], event["message"]["data"]["usage_metadata"]


if __name__ == "__main__":
    main()
