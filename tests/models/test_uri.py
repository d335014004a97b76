"""Model URIs."""

import pytest

from agentkit.errors import UsageError
from agentkit.models.uri import ModelURI, parse_uri


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("embedded", ModelURI("embedded")),
        (" embedded?n_ctx=512 ", ModelURI("embedded", "", {"n_ctx": "512"})),
        ("llama-cpp:a/b c.gguf", ModelURI("llama-cpp", "a/b c.gguf")),
        ("llama-cpp:C:\\m.gguf?adapter=x%20y+z.gguf&n_ctx=", ModelURI("llama-cpp", "C:\\m.gguf", {"adapter": "x y+z.gguf", "n_ctx": ""})),
        ("openai:org/model:latest?seed=1", ModelURI("openai", "org/model:latest", {"seed": "1"})),
    ],
)
def test_a_uri_is_taken_apart(uri: str, parsed: ModelURI) -> None:
    assert parse_uri(uri) == parsed


@pytest.mark.parametrize(
    "uri", ["", "gpt-4", "embedded:x", "llama-cpp:", "llama-cpp", "openai:?seed=1", "http://127.0.0.1", ":", "OpenAI:x"]
)
def test_other_uris_are_refused_with_what_is_allowed(uri: str) -> None:
    with pytest.raises(UsageError, match="allowed are embedded, llama-cpp:PATH") as caught:
        parse_uri(uri)
    assert repr(uri) in str(caught.value)


def test_a_bare_path_gets_a_hint() -> None:
    with pytest.raises(UsageError, match=r"Did you mean llama-cpp:models/x\.gguf\?"):
        parse_uri("models/x.gguf")
