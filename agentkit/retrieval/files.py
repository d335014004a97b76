"""Which files a set of named paths holds, and under which names they are cited."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agentkit.errors import DocumentError

__all__ = ["MAX_FILES", "Found", "Skipped", "check", "find"]

MAX_FILES = 50_000
"""Files of one knowledge; what is beyond is reported and left out."""

_IGNORED = {"__pycache__", "node_modules", "Thumbs.db"}


@dataclass(frozen=True)
class Found:
    """A file to be read."""

    path: Path
    source: str
    """The path relative to the folder that was named, posix; the file's name where the file itself was named."""
    root: Path
    size: int
    modified: int
    """In nanoseconds."""


@dataclass(frozen=True)
class Skipped:
    """A file that is not read, and why."""

    source: str
    reason: str


def check(paths: Sequence[Path]) -> None:
    """Raise for named paths that are not there.

    Raises:
        DocumentError: naming the first such path and where it was looked for.
    """
    if not paths:
        raise DocumentError("no documents were named: give at least one file or folder")
    for path in paths:
        if not path.exists():
            raise DocumentError(f"no file or folder {str(path)!r}: looked for it at {str(path.absolute())!r}; check the spelling")


def find(paths: Sequence[Path]) -> tuple[list[Found], list[Skipped]]:
    """All regular files below the paths, in the order of their names; hidden ones are passed over.

    A link that leads out of the named folder, a folder that was seen already (a loop of links), and a named folder without
    files beside one that has some, are skipped and reported.
    """
    found: list[Found] = []
    skipped: list[Skipped] = []
    empty: list[Skipped] = []
    for path in paths:
        items = list(_below(path))
        if not items:
            empty.append(Skipped(path.name or str(path), "the folder is empty"))
        for item in items:
            if isinstance(item, Skipped):
                skipped.append(item)
            elif len(found) < MAX_FILES:
                found.append(item)
            else:
                skipped.append(Skipped(item.source, f"more than {MAX_FILES:,} files"))
    return _distinct(found), [*skipped, *(empty if found else ())]


def _below(root: Path) -> Iterator[Found | Skipped]:
    if not root.is_dir():
        yield _look(root, root.name, root.parent)
        return
    home = root.resolve()
    seen = {home}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(_relative(folder, root), f"cannot be opened: {error.strerror}")
            continue
        inner = []
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith((".", "~$")) or entry.name in _IGNORED:
                continue
            if entry.is_symlink() and (problem := _leads_astray(path, home)):
                yield Skipped(_relative(path, root), problem)
            elif not entry.is_dir():
                yield _look(path, _relative(path, root), root)
            elif (real := path.resolve()) in seen:
                yield Skipped(_relative(path, root), "a link to a folder that was read already")
            else:
                seen.add(real)
                inner.append(path)
        waiting += reversed(inner)


def _leads_astray(link: Path, home: Path) -> str:
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    return "" if real.is_relative_to(home) else "a link that leads out of the folder"


def _look(path: Path, source: str, root: Path) -> Found | Skipped:
    try:
        info = path.stat()
    except OSError as error:
        return Skipped(source, f"cannot be read: {error.strerror}")
    if not stat.S_ISREG(info.st_mode):
        return Skipped(source, "not a regular file")
    return Found(path.absolute(), source, root, info.st_size, info.st_mtime_ns)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() or "."


def _distinct(found: list[Found]) -> list[Found]:
    """Each file once; where two would be cited under one name, the folder's name goes before, else the whole path."""
    files = list({file.path: file for file in found}.values())
    for name in (lambda file: f"{file.root.absolute().name}/{file.source}", lambda file: file.path.as_posix()):
        often = Counter(file.source for file in files)
        files = [replace(file, source=name(file)) if often[file.source] > 1 else file for file in files]
    return files
