"""Make the embedded agent's adapter: data, training, conversion, check.

    python -m agentkit.tuning.make_adapter [--work DIR] [--until data|training|conversion|check]

Everything that is made on the way lies in one folder (default `AGENTKIT_HOME/tuning/RUN`, where RUN stands for the data,
the contract and the recipe). Started again, it goes on where it was: finished steps are not repeated, training resumes
from its last checkpoint. Two cores take about an hour.
"""

import argparse
import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from agentkit.contract import CONTRACT
from agentkit.tuning.base_weights import embedded_base, file_sha256, read_base
from agentkit.tuning.packing import Branch, Tree, grow_trees
from agentkit.tuning.train import Recipe

__all__ = ["ADAPTER", "DATA", "main", "make_data", "read_trees", "render", "train_run"]

DATA = Path(__file__).parent / "data"
ADAPTER = Path(__file__).parents[1] / "models" / "data" / "embedded-adapter.gguf"

VALIDATION_TOKENS = 12_000
"""Held-back tokens that are looked at during training; all of them would cost a tenth of the time."""


def make_data(work: Path, recipe: Recipe) -> None:
    """Write `samples.jsonl` and `held_back.jsonl`, unless they are there."""
    from agentkit.tuning.samples.make import counts, make_samples
    from agentkit.tuning.trajectory import write_trajectories

    if (work / "samples.jsonl").exists():
        return
    trained, held, report = make_samples(DATA, work, seed=recipe.seed)
    write_trajectories(work / "held_back.jsonl", held)
    write_trajectories(work / "samples.new", trained)
    os.replace(work / "samples.new", work / "samples.jsonl")
    print(f"data: {len(trained)} conversations {dict(counts(trained))}; {len(held)} held back; left out {dict(report.dropped)}", flush=True)


def render(work: Path, recipe: Recipe) -> None:
    """Write `trees.json`, the tokens, and `run.json`, what they were rendered for, unless they are there."""
    from agentkit.models.golden import golden_hash
    from agentkit.tuning.rendering import Renderer
    from agentkit.tuning.trajectory import read_trajectories

    if (work / "trees.json").exists():
        return
    renderer = Renderer.of_base(str(embedded_base()))
    trees = {}
    for name in ("samples", "held_back"):
        samples = [renderer.encode(trajectory) for trajectory in read_trajectories(work / f"{name}.jsonl")]
        trees[name] = grow_trees(samples, most_tokens=recipe.tree_tokens)
        tokens = sum(tree.tokens for tree in trees[name])
        alone = sum(len(prefix) + len(branch.ids) for prefix, branch in samples)
        print(f"{name}: {len(samples)} conversations, {alone} tokens one by one, {tokens} in {len(trees[name])} trees", flush=True)
    run = {"contract": CONTRACT, "golden_hash": golden_hash(), "recipe": asdict(recipe), "base_sha256": file_sha256(embedded_base())}
    (work / "run.json").write_text(json.dumps(run, indent=1), encoding="utf-8")
    (work / "trees.new").write_text(json.dumps({name: [_plain(tree) for tree in found] for name, found in trees.items()}), encoding="utf-8")
    os.replace(work / "trees.new", work / "trees.json")


def train_run(work: Path, *, workers: int) -> dict[str, Any]:
    """Train on what lies in the folder; returns what `train` reports, kept in `result.json`."""
    from agentkit.tuning.curve import draw_losses
    from agentkit.tuning.factors import FactorSet, dimensions
    from agentkit.tuning.train import train
    from agentkit.tuning.workers import Team

    recipe = Recipe(**json.loads((work / "run.json").read_text(encoding="utf-8"))["recipe"])
    trees = read_trees(work / "trees.json")
    base = read_base(embedded_base())
    factors = FactorSet(dimensions(base.tensors, base.shape.layers), rank=recipe.rank, alpha=recipe.alpha)
    del base
    with Team(embedded_base(), factors, workers=workers) as team:
        held = _some(trees["held_back"], VALIDATION_TOKENS)
        result = train(team, factors, trees["samples"], held, recipe=recipe, folder=work, report=lambda line: print(line, flush=True))
    draw_losses(work / "losses.jsonl", work / "curve.png")
    (work / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result


def convert_run(work: Path, adapter: Path) -> None:
    """Write the adapter of the run's last checkpoint."""
    import torch

    from agentkit.tuning.convert import write_adapter
    from agentkit.tuning.factors import FactorSet, dimensions

    run = json.loads((work / "run.json").read_text(encoding="utf-8"))
    result = json.loads((work / "result.json").read_text(encoding="utf-8")) if (work / "result.json").exists() else {}
    base = read_base(embedded_base())
    state = torch.load(work / "checkpoint.pt", weights_only=True)
    recipe = Recipe(**run["recipe"])
    factors = FactorSet(dimensions(base.tensors, base.shape.layers), rank=recipe.rank, alpha=recipe.alpha, parameters=state["parameters"])
    made = {**run["recipe"], "step": state["step"], "validation": result.get("validation")}
    write_adapter(adapter, factors, golden_hash=run["golden_hash"], base_sha256=run["base_sha256"], recipe=made)
    print(f"adapter: {adapter} ({adapter.stat().st_size / 1e6:.1f} MB)", flush=True)


def read_trees(path: Path) -> dict[str, list[Tree]]:
    """Read `trees.json`."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: [Tree(tuple(p), tuple(Branch(tuple(i), tuple(w)) for i, w in branches)) for p, branches in found]
        for name, found in data.items()
    }


def _plain(tree: Tree) -> list[Any]:
    return [tree.prefix, [[branch.ids, branch.weights] for branch in tree.branches]]


def _some(trees: Sequence[Tree], tokens: int) -> list[Tree]:
    """Trees drawn by a seed, up to so many tokens."""
    order = list(trees)
    random.Random(0).shuffle(order)
    found: list[Tree] = []
    for tree in order:
        if sum(other.tokens for other in found) + tree.tokens <= tokens:
            found.append(tree)
    return found


def _folder(recipe: Recipe) -> Path:
    """The default folder of a run, named by all that it depends on."""
    from agentkit.models.golden import golden_hash
    from agentkit.settings import load

    digest = sha256(f"{golden_hash()}{sorted(asdict(recipe).items())}".encode())
    for path in sorted(path for path in DATA.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    return load().home / "tuning" / digest.hexdigest()[:12]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m agentkit.tuning.make_adapter", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--work", type=Path, help="folder of the run; goes on with what is there")
    parser.add_argument("--out", type=Path, default=ADAPTER, help="where the adapter goes")
    parser.add_argument("--until", choices=("data", "training", "conversion", "check"), default="check")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that train")
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--tokens", type=int, default=Recipe.most_tokens, help="tokens to train on at most")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    options = parser.parse_args(arguments)
    recipe = replace(Recipe(), learning_rate=options.learning_rate, epochs=options.epochs, most_tokens=options.tokens, seed=options.seed)
    work = options.work or _folder(recipe)
    work.mkdir(parents=True, exist_ok=True)
    print(f"run: {work}", flush=True)
    make_data(work, recipe)
    render(work, recipe)
    if options.until == "data":
        return 0
    result = train_run(work, workers=options.workers)
    print(f"training: validation loss {result['validation']}, {result['steps']} steps, {result['tokens_per_second']} tokens/s", flush=True)
    if options.until != "training":
        convert_run(work, options.out)
    if options.until == "check":
        from agentkit.tuning.evaluate_adapter import evaluate

        print(json.dumps(evaluate(options.out, work / "held_back.jsonl", limit=60), indent=1), flush=True)
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        print("stopped: the same command goes on from the last checkpoint")
        raise SystemExit(130) from None
