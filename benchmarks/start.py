"""From the start of a process to the first token, and what happens on the way.

    .venv/bin/python benchmarks/start.py [--runs 5]

Each run is a process of its own that imports, loads the embedded model, searches a ready index, and reads a prompt of 400
tokens up to the first generated one; then the same in the open process, with another prompt of which only the system text
has been read. `import agentkit` is timed alone, and the modules that must not come with it are looked for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TOKENS = 400
HEAVY = {"chromadb", "langchain_core", "langgraph", "llama_cpp", "numpy", "onnxruntime", "openai", "pydantic", "torch", "typer"}
WANTED = {"import agentkit": 0.15, "process start to first token": 4.0, "open process to first token": 1.5}
DOCUMENTS = Path(__file__).resolve().parent.parent / "examples" / "handbook"
QUESTIONS = ("What does a night cost?", "Who repairs the roof?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="processes")
    parser.add_argument("--docs", type=Path, default=DOCUMENTS, help="the documents of the index")
    parser.add_argument("--probe", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.probe is not None:
        print(json.dumps(probe(given.probe, given.docs)))
        return
    from timing import header, verdict

    header(f"benchmarks/start.py --runs {given.runs}")
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AGENTKIT_HOME": home}
        child(given.docs, environment)  # merges the adapter and makes the index
        runs = [child(given.docs, environment) for _ in range(given.runs)]
    alone = [import_alone() for _ in range(given.runs)]
    report(runs, alone)
    reached = {
        "import agentkit": statistics.median(seconds for seconds, _ in alone),
        "process start to first token": statistics.median(sum(run["cold"].values()) for run in runs),
        "open process to first token": statistics.median(sum(run["open"].values()) for run in runs),
    }
    for name, seconds in reached.items():
        print(verdict(f"{name}, s", seconds, WANTED[name]))
    print(f"heavy modules that `import agentkit` loads: {', '.join(alone[0][1]) or 'none'}")


def report(runs: list[dict[str, Any]], alone: list[tuple[float, list[str]]]) -> None:
    """The parts, medians in seconds."""
    from timing import table

    parts = list(runs[0]["cold"])
    rows = [[part, *(f"{statistics.median(run[kind].get(part, 0.0) for run in runs):.2f}" for kind in ("cold", "open"))] for part in parts]
    table(["part", "new process, s", "open process, s"], rows)
    read = {kind: statistics.median(run["read"][kind] for run in runs) for kind in ("cold", "open")}
    print(f"prompt of {runs[0]['tokens']} tokens; read in the new process {read['cold']:.0f}, in the open one {read['open']:.0f}")


def child(documents: Path, environment: dict[str, str]) -> dict[str, Any]:
    """One new process, from before it is started."""
    command = [sys.executable, __file__, "--docs", str(documents), "--probe", repr(time.time())]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def import_alone() -> tuple[float, list[str]]:
    """Seconds that `import agentkit` takes in a new process, and what heavy modules came with it."""
    code = "import sys, time; began = time.perf_counter(); import agentkit; print(time.perf_counter() - began, *sys.modules)"
    seconds, *modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), sorted(HEAVY.intersection(modules))


class Clock:
    """Seconds of each part, one after the other."""

    def __init__(self, began: float) -> None:
        self.last, self.parts = began, dict[str, float]()

    def lap(self, part: str) -> None:
        now = time.time()
        self.parts[part], self.last = now - self.last, now


def probe(began: float, documents: Path) -> dict[str, Any]:
    """What one process measures of itself; `began` is the time before it was started."""
    clock = Clock(began)
    clock.lap("python")
    from agentkit import Agent

    agent = Agent("embedded", documents=[documents])
    _ = agent.graph  # imports what a run needs
    clock.lap("imports")
    model: Any = agent._model()
    model.weights.constraint_tokenizer  # noqa: B018 (loaded here, else at the first step)
    clock.lap("load")
    cold = first_token(agent, model, QUESTIONS[0], clock)
    opened = Clock(time.time())
    warm = first_token(agent, model, QUESTIONS[1], opened)
    return {"cold": clock.parts, "open": opened.parts, "read": {"cold": cold[1], "open": warm[1]}, "tokens": cold[0]}


def first_token(agent: Any, model: Any, question: str, clock: Clock) -> tuple[int, int]:
    """Search, then read a prompt up to the first token; tokens of the prompt, and those of them that were read."""
    knowledge = agent._known()
    knowledge.refresh()
    hits = knowledge.search(question, k=3)
    clock.lap("search")
    tools = agent.tools.tools()
    messages = prompt(model, tools, question, hits)
    size, before = model.get_num_tokens_from_messages(messages, tools), model.context.decoded
    next(iter(model.bind_tools(tools, max_tokens=1).stream(messages)))
    clock.lap("prefill and first token")
    return size, model.context.decoded - before


def prompt(model: Any, tools: list[Any], question: str, hits: list[Any]) -> list[Any]:
    """A conversation that stands before its answer: the passages cut so that the prompt has `TOKENS` tokens."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    from agentkit.contract import render_passages, render_system

    def built(length: int) -> list[Any]:
        text = "\n".join(hit.text for hit in hits)[:length]
        passages = [{"n": 1, "source": hits[0].source, "location": hits[0].location, "text": text}]
        call = {"name": "search_documents", "args": {"query": question}, "id": "a1b2c3d4e"}
        return [
            SystemMessage(render_system()), HumanMessage(question), AIMessage("", tool_calls=[call]),
            ToolMessage(render_passages("search_documents", passages), tool_call_id="a1b2c3d4e", artifact={"passages": passages}),
        ]  # fmt: skip

    low, high = 1, 4000
    while low < high:
        middle = (low + high + 1) // 2
        fits = model.get_num_tokens_from_messages(built(middle), tools) <= TOKENS
        low, high = (middle, high) if fits else (low, middle - 1)
    return built(low)


if __name__ == "__main__":
    main()
