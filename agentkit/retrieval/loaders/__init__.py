"""Readers of documents: a file a format, one function `read(path) -> list[Block]` each.

`load` chooses by the file's suffix; everything that decodes as text is read as text.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from agentkit.errors import DocumentError
from agentkit.retrieval.blocks import Block

__all__ = ["MAX_BYTES", "SUFFIXES", "load"]

MAX_BYTES = 50_000_000
"""The largest file that is read."""

SUFFIXES = {
    ".csv": "table", ".tsv": "table",
    ".docx": "docx",
    ".htm": "html", ".html": "html", ".xhtml": "html",
    ".markdown": "markdown", ".md": "markdown",
    ".pdf": "pdf",
}  # fmt: skip
"""Which reader a suffix gets; any other suffix gets `text`."""

_NOT_YET = {".doc", ".epub", ".odt", ".pptx", ".rtf", ".xls", ".xlsx"}


def load(path: Path) -> list[Block]:
    """The blocks of one file.

    Raises:
        DocumentError: the file is too large, broken, binary, empty, or has no text; the message names the reason, not the file.
    """
    suffix = path.suffix.lower()
    if suffix in _NOT_YET:
        raise DocumentError(f"{suffix} files are not read: save it as PDF, DOCX, HTML, CSV or text")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"too large: {size:,} bytes, at most {MAX_BYTES:,} are read")
        blocks = _reader(suffix)(path)
    except DocumentError:
        raise
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}") from error
    except (RecursionError, MemoryError) as error:
        raise DocumentError("nested too deeply or too large in memory") from error
    except Exception as error:  # readers of foreign formats raise nearly everything on broken files
        raise DocumentError(f"broken file: {type(error).__name__}: {str(error)[:200]}") from error
    if not blocks:
        raise DocumentError("holds no text")
    return blocks


def _reader(suffix: str) -> Callable[[Path], list[Block]]:
    module = import_module(f"agentkit.retrieval.loaders.{SUFFIXES.get(suffix, 'text')}")
    reader: Callable[[Path], list[Block]] = module.read
    return reader
