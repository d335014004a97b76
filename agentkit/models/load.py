"""From a URI to a chat model."""

import os
from pathlib import Path
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import ValidationError

from agentkit import settings
from agentkit.errors import SettingsError, UsageError
from agentkit.models.uri import ModelURI, parse_uri

__all__ = ["load_model"]


def load_model(uri: str | None = None, **parameters: Any) -> BaseChatModel:
    """Make the chat model that a URI names.

    Args:
        uri: `embedded`, `llama-cpp:PATH.gguf[?adapter=PATH&n_ctx=...]` or `openai:NAME`; by default the setting `model`.
        parameters: inference parameters and local settings under their usual names, `base_url`; they go before the URI's,
            which go before environment, file and default.

    Raises:
        UsageError: the URI cannot be read, or a parameter is not allowed.
        ModelFileError: the embedded model is not installed.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    parsed = parse_uri(uri or settings.load().model)
    named = {**parsed.parameters, **given}
    elsewhere = {*settings.ELSEWHERE, "model"}
    if strangers := sorted(named.keys() & elsewhere):
        allowed = ", ".join(name for name in settings.Settings.model_fields if name not in elsewhere)
        raise UsageError(f"{', '.join(strangers)} is no parameter of a model: allowed are {allowed}")
    values = settings.load(**named)
    if parsed.scheme == "openai":
        return _endpoint(parsed, values)
    return _local(parsed, values)


def _local(parsed: ModelURI, values: settings.Settings) -> BaseChatModel:
    from agentkit.models.chat_llama_cpp import ChatLlamaCpp
    from agentkit.models.embedded import embedded_file
    from agentkit.models.refusal import EMBEDDED_THRESHOLD

    options = {**values.inference(), **values.local()}
    if "stop" in options:
        options["stop"] = list(options["stop"])
    embedded = parsed.scheme == "embedded"
    path = embedded_file(values.home) if embedded else Path(parsed.name).expanduser()
    for what, file in (("model", path), ("adapter", values.adapter)):
        if file is not None and not file.is_file():
            state = "is a folder" if file.is_dir() else "does not exist"
            raise UsageError(f"the {what} file {str(file)!r} {state}: give the path of a GGUF file, as in llama-cpp:models/NAME.gguf")
    try:
        threshold = EMBEDDED_THRESHOLD if embedded else 0.0
        return ChatLlamaCpp(model_path=path, thoughts=not embedded, refusal_threshold=threshold, **options)
    except ValidationError as error:
        raise SettingsError(f"these settings do not fit a local model: {error}") from error


def _endpoint(parsed: ModelURI, values: settings.Settings) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    base_url = values.base_url or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
    key = values.api_key.get_secret_value() if values.api_key else os.environ.get("OPENAI_API_KEY")
    if not key and not base_url:
        raise UsageError(
            f"openai:{parsed.name} needs a key: set OPENAI_API_KEY or AGENTKIT_API_KEY, or --base-url for a server of your own"
        )
    options = values.inference()
    extra = {name: options.pop(name) for name in ("top_k", "min_p", "repeat_penalty") if name in options}
    if "stop" in options:
        options["stop"] = list(options["stop"])
    return ChatOpenAI(
        model=parsed.name,
        base_url=base_url,
        api_key=key or "none",
        stream_usage=True,
        **options,
        **({"extra_body": extra} if extra else {}),
    )
