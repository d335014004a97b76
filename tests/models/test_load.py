"""From a URI to a chat model: precedence, endpoints, messages."""

from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from agentkit import models
from agentkit.errors import SettingsError, UsageError
from agentkit.models import load_model
from agentkit.models.chat_llama_cpp import ChatLlamaCpp
from agentkit.models.embedded import base_file

LOCAL = f"llama-cpp:{base_file()}"


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder: no settings file."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def local(uri: str = LOCAL, **parameters: Any) -> ChatLlamaCpp:
    model = load_model(uri, **parameters)
    assert isinstance(model, ChatLlamaCpp)
    return model


def test_an_argument_goes_before_the_uri_before_the_environment_before_the_file(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working_folder / "agentkit.toml").write_text("n_ctx = 1000\nmin_p = 0.5")
    assert local().n_ctx == 1000
    monkeypatch.setenv("AGENTKIT_N_CTX", "2000")
    assert local().n_ctx == 2000
    assert local(f"{LOCAL}?n_ctx=3000").n_ctx == 3000
    model = local(f"{LOCAL}?n_ctx=3000", n_ctx=4000)
    assert (model.n_ctx, model.min_p) == (4000, 0.5)


def test_every_parameter_reaches_a_local_model() -> None:
    values: dict[str, Any] = {
        "max_tokens": 9, "temperature": 0.5, "top_k": 3, "top_p": 0.6, "min_p": 0.1, "repeat_penalty": 1.1, "seed": 4, "stop": ("x", "y"),
        "n_ctx": 300, "n_gpu_layers": 2, "n_threads": 1, "type_k": "q8_0", "type_v": "f32", "adapter": base_file(),
    }  # fmt: skip
    model = local(**values)
    assert {name: getattr(model, name) for name in values} == {**values, "stop": ["x", "y"]}
    assert model.thoughts


def test_the_setting_model_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_MODEL", LOCAL)
    assert isinstance(load_model(), ChatLlamaCpp)


def test_an_endpoint_is_made_without_a_connection() -> None:
    model = load_model(
        "openai:small", base_url="http://127.0.0.1:9/v1", temperature=0.3, top_k=5, min_p=0.1, stop=("x",), seed=1, max_tokens=7
    )
    assert isinstance(model, ChatOpenAI)
    assert (model.model_name, model.openai_api_base, model.temperature, model.seed, model.max_tokens) == (
        "small", "http://127.0.0.1:9/v1", 0.3, 1, 7,
    )  # fmt: skip
    assert model.stop == ["x"]
    assert model.extra_body == {"top_k": 5, "min_p": 0.1}


def test_an_endpoint_takes_the_usual_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-usual")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    model = load_model("openai:small")
    assert isinstance(model, ChatOpenAI) and model.openai_api_key is not None
    assert (model.openai_api_base, model.openai_api_key.get_secret_value()) == ("http://127.0.0.1:9/v1", "sk-usual")  # type: ignore[union-attr]


def test_an_endpoint_without_key_and_address_is_refused() -> None:
    with pytest.raises(UsageError, match="openai:small needs a key: set OPENAI_API_KEY"):
        load_model("openai:small")


@pytest.mark.parametrize(
    ("uri", "parameters", "error", "message"),
    [
        (f"{LOCAL}?temprature=1", {}, SettingsError, "did you mean temperature"),
        (f"{LOCAL}?n_ctx=big", {}, SettingsError, "n_ctx = 'big'"),
        (f"{LOCAL}?n_ctx=", {}, SettingsError, "n_ctx = ''"),
        (LOCAL, {"type_k": "q3"}, SettingsError, "type_k = 'q3'"),
        (LOCAL, {"nonsense": 1}, SettingsError, "there is no setting 'nonsense'"),
        (f"{LOCAL}?home=/x", {"python_timeout": 3}, UsageError, "home, python_timeout is no parameter of a model: allowed are base_url"),
        ("llama-cpp:absent.gguf", {}, UsageError, "the model file 'absent.gguf' does not exist"),
        ("llama-cpp:.", {}, UsageError, r"the model file '\.' is a folder"),
        (LOCAL, {"adapter": "absent.gguf"}, UsageError, "the adapter file .*absent.gguf' does not exist"),
        (LOCAL, {"n_ctx": 1}, SettingsError, "n_ctx = 1"),
    ],
)
def test_what_does_not_fit_is_named(uri: str, parameters: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_model(uri, **parameters)


def test_the_package_has_two_doors() -> None:
    assert models.ChatLlamaCpp is ChatLlamaCpp
    with pytest.raises(AttributeError, match="no attribute 'gpt'"):
        models.gpt  # noqa: B018
