"""Decoding under a grammar beside free decoding and beside llama-cpp-python's own `grammar=`, on the same weights.

    .venv/bin/python benchmarks/decoding.py [--runs 7] [--tokens 120] [--model FILE.gguf]

Each way writes as many tokens behind the same prompt, which was read before; the time runs from the first token to the last.
Two tasks: a JSON object of one schema, and a step of the agent (a call of one of three tools, or an answer with literal
quotes), which `grammar=` has no counterpart for. Runs are taken in turn; ratios are medians of the pairs.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from timing import header, table

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "year": {"type": "integer"},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 30},
    },
    "required": ["title", "year", "open", "tags"],
    "additionalProperties": False,
}
PROMPT = "Describe an old harbour town and its museum in detail, with its year, whether it is open, and many tags."
PASSAGE = (
    "The museum stands in the old customs house. It was opened in 1931 and shows nets, lamps and models of ships. "
    "From May to September it is open every day from ten to six; in winter only on Saturdays. Groups of more than ten people "
    "are asked to write two weeks before. The key of the boathouse hangs in the office of the harbour master."
)
WANTED = {"free": 1.0, "grammar=": 1.8}
Decoder = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="runs of each way")
    parser.add_argument("--tokens", type=int, default=120, help="tokens that each run writes")
    parser.add_argument("--model", type=Path, help="a GGUF (default: the embedded model as it runs)")
    given = parser.parse_args()
    path = given.model or embedded()
    header(f"benchmarks/decoding.py --runs {given.runs} --tokens {given.tokens}" + (f" --model {path.name}" if given.model else ""))
    print(f"model    {path.name}, {path.stat().st_size / 1e6:.0f} MB")
    ways = {**ours(path, given.tokens), **theirs(path, given.tokens)}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for decode in ways.values():
        decode()  # reads the prompt, compiles the grammar
    for _ in range(given.runs):
        for name, decode in ways.items():
            speeds[name].append(decode())
    report(speeds)


def embedded() -> Path:
    """The file that `embedded` stands for, made where it is not there yet."""
    from agentkit.models import load_model

    model: Any = load_model("embedded")
    return Path(model.weights.path)


def ours(path: Path, tokens: int) -> dict[str, Decoder]:
    """agentkit's loop: free, under the schema, under the grammar of a step."""
    from agentkit.contract import ToolSpec
    from agentkit.models.context import Context
    from agentkit.models.decoding import generate
    from agentkit.models.grammar import argument_schema, step_grammar
    from agentkit.models.weights import open_weights

    weights = open_weights(path)
    context = Context(weights, n_ctx=2048)
    note = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    tools = [ToolSpec(name=name, description=f"Write a {name}.", parameters=note) for name in ("letter", "memo", "report")]
    grammars = {
        "free": None,
        "schema": f"start: %json {json.dumps(argument_schema(SCHEMA))}",
        "step, a call": step_grammar(tools, choice="report", passages={1: PASSAGE}),
        "step, an answer": step_grammar(tools, choice="none", passages={1: PASSAGE}),
    }
    prompt = weights.tokenize(chat(PASSAGE + "\n\n" + PROMPT), special=True)

    def decoder(grammar: str | None) -> Decoder:
        def decode() -> float:
            marks: list[tuple[float, int]] = []
            generate(context, prompt, limit=tokens, grammar=grammar, on_tokens=marking(context, marks))
            return speed(marks)

        return decode

    return {f"agentkit, {name}": decoder(grammar) for name, grammar in grammars.items()}


def marking(context: Any, marks: list[tuple[float, int]]) -> Callable[[bytes], bool]:
    """What notes the time and the tokens decoded so far at each new piece."""

    def mark(_: bytes) -> bool:
        marks.append((time.perf_counter(), context.decoded))
        return False

    return mark


def theirs(path: Path, tokens: int) -> dict[str, Decoder]:
    """llama-cpp-python's own completion: free and with `grammar=`."""
    import llama_cpp

    model = llama_cpp.Llama(str(path), n_ctx=2048, verbose=False)
    prompt = model.tokenize(chat(PASSAGE + "\n\n" + PROMPT).encode(), special=True)
    schema = llama_cpp.llama_grammar.LlamaGrammar.from_json_schema(json.dumps(SCHEMA), verbose=False)

    def decoder(grammar: Any) -> Decoder:
        def decode() -> float:
            marks: list[tuple[float, int]] = []
            for number, _ in enumerate(model.generate(prompt, temp=0.0, grammar=grammar), start=1):
                marks.append((time.perf_counter(), number))
                if number == tokens:
                    break
            return speed(marks)

        return decode

    return {"llama-cpp-python, free": decoder(None), "llama-cpp-python, grammar=": decoder(schema)}


def chat(text: str) -> str:
    """The prompt in the model's format."""
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def speed(marks: list[tuple[float, int]]) -> float:
    """Tokens a second between the first mark and the last one; a mark is a time and the tokens so far."""
    (began, first), (ended, last) = marks[0], marks[-1]
    return (last - first) / (ended - began)


def report(speeds: dict[str, list[float]]) -> None:
    """The table, and what was wanted."""
    rows = [[name, f"{statistics.median(found):.1f}", f"{min(found):.1f} to {max(found):.1f}"] for name, found in speeds.items()]
    table(["way", "tokens/s", "range"], rows)
    free, peer = speeds["agentkit, free"], speeds["llama-cpp-python, grammar="]
    for name in ("schema", "step, a call", "step, an answer"):
        told(f"{name} / agentkit free", speeds[f"agentkit, {name}"], free, WANTED["free"])
    told("schema / llama-cpp-python grammar=", speeds["agentkit, schema"], peer, WANTED["grammar="])


def told(what: str, one: list[float], other: list[float], wanted: float) -> None:
    """Print a ratio beside what was wanted of it."""
    found = statistics.median(a / b for a, b in zip(one, other, strict=True))
    print(f"{what}: {found:.2f}, wanted at least {wanted:g}: {'reached' if found >= wanted else 'MISSED'}")


if __name__ == "__main__":
    main()
