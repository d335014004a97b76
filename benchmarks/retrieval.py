"""Retrieval: how long a page takes to be indexed, and how long a search takes.

    .venv/bin/python benchmarks/retrieval.py [--runs 20] [--pages 200]

A page is 300 words: English ones in no order, drawn with a seed. The second kind of figures comes from the handbook of the
examples, whose files are PDF, DOCX, HTML and Markdown. Nothing wanted is laid down: the figures are there to be compared
from one version to the next.
"""

import argparse
import random
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import MILLI, header, median, paired, spread, table

from agentkit.retrieval import Knowledge

WORDS = 300
HANDBOOK = Path(__file__).resolve().parent.parent / "examples" / "handbook"


def write_pages(folder: Path, pages: int) -> list[str]:
    """Write that many pages of English words in no order; return a query for each, of words that it holds."""
    source = random.Random(0)
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(HANDBOOK.glob("*.md")))
    vocabulary = re.findall(r"[A-Za-z]+|[0-9]+", text)
    queries = []
    for number in range(pages):
        words = source.choices(vocabulary, k=WORDS)
        sentences = [" ".join(words[start : start + 12]).capitalize() + "." for start in range(0, WORDS, 12)]
        paragraphs = [" ".join(sentences[start : start + 5]) for start in range(0, len(sentences), 5)]
        (folder / f"page{number:04}.md").write_text(f"# Page {number}\n\n" + "\n\n".join(paragraphs), encoding="utf-8")
        queries.append(" ".join(words[60:66]))
    return queries


def index_time(documents: Path, pages: int, name: str) -> list[str]:
    """A row: the first time, once more with nothing changed."""
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        report = Knowledge(documents, home=home).refresh()
        first = time.perf_counter() - began
        began = time.perf_counter()
        Knowledge(documents, home=home).refresh()
        again = time.perf_counter() - began
    return [name, str(pages), str(report.chunks), f"{first:.1f}", f"{first / pages * MILLI:.0f}", f"{again * MILLI:.0f}"]


def search_times(documents: Path, queries: list[str], runs: int, name: str) -> list[list[str]]:
    """Rows: the first search of an object on a ready index, and the searches behind it."""
    with tempfile.TemporaryDirectory() as home:
        ready = Knowledge(documents, home=home)
        ready.refresh()
        asked = iter(queries * (1 + 2 * (runs + 2) // len(queries)))
        variants: dict[str, Callable[[], object]] = {
            "new object": lambda: Knowledge(documents, home=home).search(next(asked)),
            "same object": lambda: ready.search(next(asked)),
        }
        seconds = paired(variants, runs=runs)
    return [[name, kind, f"{median(taken):.1f}", spread(taken)] for kind, taken in seconds.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="searches of each kind")
    parser.add_argument("--pages", type=int, default=200, help="pages that are written")
    given = parser.parse_args()
    header(f"benchmarks/retrieval.py --runs {given.runs} --pages {given.pages}")
    with tempfile.TemporaryDirectory() as folder:
        queries = write_pages(Path(folder), given.pages)
        handbook = len([path for path in HANDBOOK.iterdir() if path.is_file()])
        rows = [index_time(Path(folder), given.pages, "written pages"), index_time(HANDBOOK, handbook, "handbook files")]
        table(["index", "pages", "chunks", "s", "ms a page", "unchanged, ms"], rows)
        print()
        asked = ["Who maintains the pump station?", "What does a mooring cost for a night?", "How long is the smallest lock?"]
        found = search_times(Path(folder), queries, given.runs, "written pages")
        found += search_times(HANDBOOK, asked, given.runs, "handbook files")
        table(["search", "", "median ms", "quartiles"], found)


if __name__ == "__main__":
    main()
