"""Model URIs: `embedded`, `llama-cpp:PATH.gguf[?adapter=PATH&n_ctx=...]`, `openai:NAME`."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from agentkit.errors import UsageError

__all__ = ["ModelURI", "parse_uri"]

SCHEMES = ("embedded", "llama-cpp", "openai")


@dataclass(frozen=True)
class ModelURI:
    """A URI taken apart."""

    scheme: str
    name: str = ""
    """The path of a GGUF file, or the name of an endpoint's model."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What stands behind the question mark; values are still text."""


def parse_uri(uri: str) -> ModelURI:
    """Take a model's URI apart.

    Raises:
        UsageError: the scheme is not known, or nothing stands behind it.

    >>> parse_uri("llama-cpp:models/qwen.gguf?n_ctx=4096")
    ModelURI(scheme='llama-cpp', name='models/qwen.gguf', parameters={'n_ctx': '4096'})
    """
    text = uri.strip()
    head, _, query = text.partition("?")
    scheme, _, name = head.partition(":")
    allowed = "allowed are embedded, llama-cpp:PATH.gguf, openai:NAME"
    if scheme not in SCHEMES:
        hint = f" Did you mean llama-cpp:{head}?" if head.endswith(".gguf") else ""
        raise UsageError(f"the model is {uri!r}: {allowed}.{hint}")
    if (scheme == "embedded") != (not name):
        raise UsageError(f"the model is {uri!r}: {allowed}")
    # A plus sign is one: paths hold it, and no form was filled in here.
    return ModelURI(scheme, name, dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)))
