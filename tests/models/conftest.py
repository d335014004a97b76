"""The real small model, loaded once, and files made for the occasion."""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.dialect import PlainDialect
from agentkit.models.embedded import base_file
from agentkit.models.template import ChatTemplate
from agentkit.models.weights import Weights, open_weights

SDIST = Path(__file__).parents[2] / ".cache" / "sdist" / "llama_cpp_python-0.3.36.tar.gz"


@pytest.fixture(scope="session")
def weights() -> Weights:
    """SmolLM2-135M-Instruct."""
    return open_weights(base_file())


@pytest.fixture(scope="session")
def dialect(weights: Weights) -> PlainDialect:
    """The plain dialect in the model's own template."""
    return PlainDialect(ChatTemplate(weights.template or "", weights.special("bos"), weights.special("eos")))


@pytest.fixture(scope="session")
def _seat() -> Iterator[ChatLlamaCpp]:
    """Keeps the context that the models below share."""
    model = ChatLlamaCpp(model_path=base_file(), n_ctx=2048, n_threads=1)
    model.context  # noqa: B018 (opens it)
    yield model


@pytest.fixture
def chat(_seat: ChatLlamaCpp) -> Callable[..., ChatLlamaCpp]:
    """Makes chat models on the real weights and one context of 2,048 tokens; 24 tokens a turn unless told."""

    def make(**parameters: Any) -> ChatLlamaCpp:
        return ChatLlamaCpp(**{"model_path": base_file(), "n_ctx": 2048, "n_threads": 1, "max_tokens": 24, **parameters})

    return make


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """The chat templates that llama.cpp keeps for its own tests, by name."""
    if not SDIST.is_file():
        pytest.skip(f"no {SDIST.name} under .cache/sdist: `make test` keeps it there")
    with tarfile.open(SDIST) as archive:
        members = [member for member in archive.getmembers() if "/models/templates/" in member.name and member.name.endswith(".jinja")]
        files = {member.name.rpartition("/")[2].removesuffix(".jinja"): archive.extractfile(member) for member in members}
        return {name: file.read().decode() for name, file in files.items() if file is not None}
