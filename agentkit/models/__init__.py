"""Chat models: `load_model` makes one from a URI; `ChatLlamaCpp` runs a GGUF in this process.

Everything is imported at first use, so that importing this package loads neither LangChain nor llama.cpp.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.models.chat_llama_cpp import ChatLlamaCpp
    from agentkit.models.load import load_model

__all__ = ["ChatLlamaCpp", "load_model"]

_HOMES = {"ChatLlamaCpp": "agentkit.models.chat_llama_cpp", "load_model": "agentkit.models.load"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
