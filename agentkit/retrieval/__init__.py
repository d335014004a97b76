"""Documents to passages: readers, splitting, an index of vectors and words, and search."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.retrieval.embedder import Embedder, MiniLM, default_embedder
    from agentkit.retrieval.indexing import Report
    from agentkit.retrieval.knowledge import Knowledge
    from agentkit.retrieval.search import Hit

__all__ = ["Embedder", "Hit", "Knowledge", "MiniLM", "Report", "default_embedder"]

_HOMES = {
    "Embedder": "embedder", "Hit": "search", "Knowledge": "knowledge", "MiniLM": "embedder", "Report": "indexing",
    "default_embedder": "embedder",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import on first use, so that importing agentkit stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"agentkit.retrieval.{_HOMES[name]}"), name)
