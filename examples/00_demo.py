"""The demo: three questions to the embedded model, answered from documents, by the calculator, and by a program.

Shows each step as it happens: thought, call, what came of it, and the answer with its sources. `make demo` runs it.
Prints how long each part took; with questions of your own it asks those instead.

    .venv/bin/python examples/00_demo.py ["a question" ...]
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentkit import Agent, Knowledge
from agentkit.cli.render import Renderer, console
from agentkit.models import load_model

HANDBOOK = Path(__file__).with_name("handbook")
QUESTIONS = (
    "Who is the treasurer?",
    "What is 18% of 1,250?",
    "Sum of the prime numbers below 100?",
)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say what is done, and then how long it took."""
    print(f"== {what}", flush=True)
    begun = time.perf_counter()
    yield
    print(f"   {time.perf_counter() - begun:.1f} s", flush=True)


def main() -> int:
    with timed("the embedded model"):
        model = load_model("embedded")
        model.invoke("Hello.", max_tokens=1)
    with timed(f"the documents in {HANDBOOK.parent.name}/{HANDBOOK.name}"):
        handbook = Knowledge(HANDBOOK)
        read = handbook.refresh()
        print(f"   {read.files} files, {read.chunks} passages, {read.read} files read anew")
    agent = Agent(model, documents=handbook)
    answered = 0
    out = console()
    questions = sys.argv[1:] or QUESTIONS
    for question in questions:
        with timed(f"question: {question}"):
            renderer = Renderer(out, out, live=sys.stdout.isatty())
            renderer.run(agent.stream(question))
            answered += renderer.answer is not None and renderer.answer.stop_reason == "answered"
    print(f"\n{answered} of {len(questions)} answered. Yours: .venv/bin/agentkit chat --docs {HANDBOOK.parent.name}/{HANDBOOK.name}")
    return 0 if answered == len(questions) else 1


if __name__ == "__main__":
    sys.exit(main())
