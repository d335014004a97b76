"""Bringing an index up to date: what is new or changed is read, what is gone is forgotten, the rest is left alone."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from agentkit.errors import DocumentError
from agentkit.retrieval.embedder import Embedder
from agentkit.retrieval.files import Found, Skipped, find
from agentkit.retrieval.loaders import MAX_BYTES, load
from agentkit.retrieval.splitting import Chunk, split, views
from agentkit.retrieval.store import Entry, Passage, Store
from agentkit.retrieval.vectors import Vectors

__all__ = ["Report", "headings_text", "update"]

MAX_CHUNKS = 20_000
"""Passages of one file that are indexed: about ten megabytes of prose."""

_WORTH_SHOWING = 200_000
"""Bytes to read from which on progress is shown."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a refresh did."""

    files: int
    """Files in the index that hold text."""
    chunks: int
    read: int
    """Files that were new or changed."""
    removed: int
    warnings: tuple[str, ...] = ()
    """`source: reason`, for each file that could not be read."""


def update(store: Store, vectors: Vectors, embedder: Embedder, paths: Sequence[Path], folder: Path) -> Report:
    """Make the index hold what the paths hold now.

    One process at a time writes; another waits and then finds the work done.

    Raises:
        DocumentError: the paths hold no files, or none could be read.
    """
    found, skipped = find(paths)
    if not found and not skipped:
        raise DocumentError(f"no files to read in {', '.join(repr(str(path)) for path in paths)}: the folder is empty")
    read = removed = 0
    if _stale(found, store.entries()) or vectors.behind(store):
        from filelock import FileLock

        with FileLock(folder / "lock"):
            read, removed = _change(store, embedder, found)
            if vectors.behind(store):
                vectors.synchronise(store)
    return _report(store, found, skipped, read, removed)


def headings_text(source: str, headings: Sequence[str]) -> str:
    """What is searched together with a chunk's text: the file's name as words, and the headings above.

    >>> headings_text("notes/hut_prices.html", ("What a night costs", "Extras"))
    'hut prices\\nWhat a night costs > Extras'
    """
    name = " ".join(Path(source).stem.replace("_", " ").replace("-", " ").split())
    return f"{name}\n{' > '.join(headings)}".strip()


def _stale(found: Sequence[Found], known: dict[str, Entry]) -> bool:
    return len(found) != len(known) or any(_differs(file, known.get(str(file.path))) for file in found)


def _differs(file: Found, entry: Entry | None) -> bool:
    return entry is None or (entry.size, entry.modified, entry.source) != (file.size, file.modified, file.source)


def _change(store: Store, embedder: Embedder, found: Sequence[Found]) -> tuple[int, int]:
    known = store.entries()
    gone = [path for path in known if path not in {str(file.path) for file in found}]
    if gone:
        store.remove(gone)
    changed = [file for file in found if _differs(file, known.get(str(file.path)))]
    read = 0
    with _progress(sum(file.size for file in changed)) as advance:
        for file in changed:
            read += _take_in(store, embedder, file, known.get(str(file.path)))
            advance(file.size)
    return read, len(gone)


def _take_in(store: Store, embedder: Embedder, file: Found, entry: Entry | None) -> bool:
    """Read one file into the store; whether it had to be read."""
    digest = _hash(file)
    if entry is not None and entry.hash == digest and (entry.source == file.source or entry.problem):
        store.touch(file)
        return False
    problem = ""
    passages: list[Passage] = []
    try:
        chunks = split(load(file.path))
        if len(chunks) > MAX_CHUNKS:
            raise DocumentError(f"too long: {len(chunks):,} passages, at most {MAX_CHUNKS:,} of one file are indexed; divide it")
        passages = _passages(file, chunks, embedder)
    except DocumentError as error:
        problem = str(error)
    store.put(file, digest, passages, problem)
    return True


def _passages(file: Found, chunks: Sequence[Chunk], embedder: Embedder) -> list[Passage]:
    """The chunks with their vectors, all texts of a file embedded in one go."""
    headings = [headings_text(file.source, chunk.headings) for chunk in chunks]
    texts = [[f"{heading}\n{chunk.text}", *views(chunk.text)] for heading, chunk in zip(headings, chunks, strict=True)]
    vectors = embedder.embed([text for group in texts for text in group])
    starts = accumulate((len(group) for group in texts), initial=0)
    return [
        Passage(heading, chunk.location, chunk.text, vectors[start : start + len(group)])
        for heading, chunk, group, start in zip(headings, chunks, texts, starts, strict=False)
    ]


def _hash(file: Found) -> str:
    if file.size > MAX_BYTES:
        return f"{file.size}-{file.modified}"
    try:
        with file.path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr where somebody watches and there is enough to do."""
    if total < _WORTH_SHOWING or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda size: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading documents", total=total)
        yield lambda size: progress.advance(task, size)


def _report(store: Store, found: Sequence[Found], skipped: Sequence[Skipped], read: int, removed: int) -> Report:
    known = store.entries()
    problems = [Skipped(file.source, known[str(file.path)].problem) for file in found if str(file.path) in known]
    warnings = tuple(f"{item.source}: {item.reason}" for item in [*skipped, *problems] if item.reason)
    chunks = store.count()
    if not chunks:
        more = f" (and {len(warnings) - 5} more)" if len(warnings) > 5 else ""
        raise DocumentError("no document could be read: " + "; ".join(warnings[:5]) + more)
    readable = sum(1 for item in problems if not item.reason)
    return Report(files=readable, chunks=chunks, read=read, removed=removed, warnings=warnings)
