"""Ask a folder of questions, print the scores beside the last kept ones, paired question by question, and keep them.

    make measure                                    all kinds, the embedded model
    make measure MEASURE_ARGS="calc chat"           some kinds
    make measure MEASURE_ARGS="--limit 10"          the first questions of each kind; shown, not kept
    make measure MEASURE_ARGS="--predictions DIR"   score answers that are there already

What is kept in benchmarks/results/ are rates and, for each question's id, what was right: no question and no answer.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
KINDS = ("docs", "calc", "program", "tools", "chat", "injections", "conversations")
FALL = 3.0
"""Points that a kind may fall between two models before it has to be retrained."""


def score(questions: Path, kind: str, predictions: Path) -> tuple[dict[str, Any], dict[str, dict[str, bool]]]:
    """The scorer's summary, and each question's flags."""
    details = predictions.with_suffix(".details.jsonl")
    command = [sys.executable, str(questions / "score.py"), kind, str(predictions), "--details", str(details)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{kind} could not be scored: {done.stderr.strip()[-500:]}")
    rows = [json.loads(line) for line in details.read_text(encoding="utf-8").splitlines()]
    flags = {str(row["id"]): {name: value for name, value in row.items() if isinstance(value, bool)} for row in rows}
    return json.loads(done.stdout), flags


def last_kept(kind: str, model: str) -> dict[str, Any] | None:
    """The newest kept result of a kind and model."""
    for path in sorted(RESULTS.glob("measure-*.json"), reverse=True):
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["model"] == model and kind in kept["kinds"]:
            return {"file": path.name, **kept["kinds"][kind]}
    return None


def flat(summary: dict[str, Any]) -> dict[str, str]:
    """Rates and means of a summary as text, groups left out."""
    shown = {}
    for name, value in summary.items():
        if isinstance(value, dict) and "rate" in value and value["of"]:
            shown[name] = f"{100 * value['rate']:5.1f}% ({value['count']}/{value['of']})"
        elif isinstance(value, float):
            shown[name] = f"{value:6.2f}"
    return shown


def paired(before: dict[str, dict[str, bool]], now: dict[str, dict[str, bool]]) -> list[str]:
    """For each flag: on how many of the questions asked both times it was gained and lost."""
    lines = []
    both = [question for question in now if question in before]
    for flag in sorted({flag for question in both for flag in now[question] if flag in before[question]}):
        pairs = [(before[question][flag], now[question][flag]) for question in both if flag in before[question] and flag in now[question]]
        gained, lost = sum(not a and b for a, b in pairs), sum(a and not b for a, b in pairs)
        if gained or lost:
            points = 100 * (gained - lost) / len(pairs)
            mark = "   <- fell" if flag in ("correct", "all_right", "safe_and_correct", "recognised") and points < -FALL else ""
            lines.append(f"    {flag:<28} +{gained} -{lost} of {len(pairs)}  ({points:+.1f} points){mark}")
    return lines


def show(kind: str, summary: dict[str, Any], rows: dict[str, dict[str, bool]], before: dict[str, Any] | None) -> None:
    """Print a kind beside the last kept result."""
    was = flat(before["summary"]) if before else {}
    print(f"\n{kind}  (before: {before['file'] if before else 'nothing kept'})")
    for name, now in flat(summary).items():
        print(f"  {name:<30} {now:<20} {was.get(name, '')}")
    if before:
        print("\n".join(["  paired:", *(paired(before["rows"], rows) or ["    no question changed"])]))
    sys.stdout.flush()


def commit() -> str:
    """The commit that was measured, marked where files differ from it."""
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    """Ask, score, show, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND")
    parser.add_argument("--questions", type=Path, default=ROOT.parent / "shared" / "questions")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--predictions", type=Path)
    args = parser.parse_args()
    questions = args.questions.resolve()
    if not (questions / "ask.py").is_file():
        sys.exit(f"{args.questions} has no ask.py: name the folder of the questions with AGENTKIT_QUESTIONS")
    started = datetime.now(UTC)
    folder = (args.predictions or ROOT / ".cache" / "measure" / f"{started:%Y%m%d-%H%M%S}").resolve()
    kinds = {}
    for kind in args.kinds or [kind for kind in KINDS if not args.predictions or (folder / f"{kind}.jsonl").exists()]:
        begun = time.monotonic()
        if not args.predictions:
            limit = ["--limit", str(args.limit)] if args.limit else []
            command = [sys.executable, str(questions / "ask.py"), kind, "--model", args.model, "--out", str(folder), *limit]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        summary, rows = score(questions, kind, folder / f"{kind}.jsonl")
        show(kind, summary, rows, last_kept(kind, args.model))
        kinds[kind] = {"seconds": round(time.monotonic() - begun, 1), "summary": summary, "rows": rows}
    if args.limit:
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept = RESULTS / f"measure-{started:%Y%m%d-%H%M%S}.json"
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    content = {"date": f"{started:%Y-%m-%d}", "commit": commit(), "model": args.model, "machine": machine, "kinds": kinds}
    kept.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"\nkept in {kept.relative_to(ROOT)}; the answers are in {folder}")


if __name__ == "__main__":
    main()
