"""Settings: by argument, by environment variable, by `agentkit.toml` in the working folder, by default; in that order.

```
argument     load(temperature=0.2), --model on the command line, ?n_ctx=... in a model's URI
environment  AGENTKIT_TEMPERATURE=0.2
file         temperature = 0.2
default      below; None leaves the choice to the model
```
"""

import json
import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from agentkit.errors import SettingsError

__all__ = ["ELSEWHERE", "FILE", "PREFIX", "Settings", "load", "origin"]

PREFIX = "AGENTKIT_"
"""What an environment variable's name begins with."""

FILE = "agentkit.toml"
"""The settings file, looked for in the working folder."""

ELSEWHERE = frozenset({"documents", "home", "python_timeout"})
"""Settings that are no parameters of a model."""

MOST_SECONDS = 3600
"""The largest `python_timeout`."""

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]

_INFERENCE = ("max_tokens", "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "stop")
_LOCAL = ("n_ctx", "n_gpu_layers", "n_threads", "type_k", "type_v", "adapter")


class Settings(BaseSettings):
    """All settings, checked and frozen; make one with `load`.

    >>> load(temperature=0.2).inference()["temperature"]
    0.2
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, toml_file=FILE, extra="forbid", frozen=True, protected_namespaces=()
    )

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("agentkit", appauthor=False))
    """The folder of indexes, threads and cached models; default: the platform's data folder."""
    documents: Annotated[tuple[Path, ...], NoDecode] = ()
    """Files and folders that `langgraph dev` answers from; in the environment separated as in PATH, or a JSON list."""
    model: str = Field(default="embedded", min_length=1)
    """A model's URI: `embedded`, `llama-cpp:PATH.gguf`, `openai:NAME`."""
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """The address of an OpenAI-compatible endpoint."""
    api_key: SecretStr | None = None
    """The endpoint's key; never printed."""

    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens a model may write in one turn."""
    temperature: float | None = Field(default=None, ge=0, le=5)
    """0 takes the most likely token."""
    top_k: int | None = Field(default=None, ge=0)
    """Sample from that many tokens; 0 from all."""
    top_p: float | None = Field(default=None, ge=0, le=1)
    """Sample from the most likely tokens that hold this probability together."""
    min_p: float | None = Field(default=None, ge=0, le=1)
    """Sample from tokens of at least this share of the best one's probability."""
    repeat_penalty: float | None = Field(default=None, gt=0)
    """Above 1 a repeated token becomes less likely."""
    seed: int | None = Field(default=None, ge=0)
    """The seed of sampling."""
    stop: Annotated[tuple[str, ...] | None, NoDecode] = None
    """Strings that end a turn; in the environment one string or a JSON list."""

    n_ctx: int | None = Field(default=None, ge=128)
    """A local model's context window in tokens."""
    n_gpu_layers: int | None = Field(default=None, ge=-1)
    """Layers on the GPU; -1 for all."""
    n_threads: int | None = Field(default=None, ge=1)
    """Threads of a local model."""
    type_k: CacheType | None = None
    """Type of the cached keys."""
    type_v: CacheType | None = None
    """Type of the cached values."""
    adapter: Path | None = None
    """A LoRA adapter as a GGUF file."""

    python_timeout: float = Field(default=10.0, gt=0, le=MOST_SECONDS)
    """Seconds a program may run."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence; `.env` files and secret folders are not read."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator("home", "adapter")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value is not None else None

    @field_validator("documents", mode="before")
    @classmethod
    def _split_documents(cls, value: Any) -> Any:
        """A string is a row of paths, as in PATH, unless it is written as a JSON list."""
        if not isinstance(value, str):
            return value
        return _json_list(value, "paths") if value.lstrip().startswith("[") else tuple(filter(None, value.split(os.pathsep)))

    @field_validator("documents")
    @classmethod
    def _expand_all(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser().absolute() for path in value)

    @field_validator("stop", mode="before")
    @classmethod
    def _split_stop(cls, value: Any) -> Any:
        """One string is one stop string, unless it is written as a JSON list."""
        if not isinstance(value, str):
            return value
        if not value.lstrip().startswith("["):
            return (value,)
        return _json_list(value, "strings")

    def inference(self) -> dict[str, Any]:
        """The inference parameters that are set, under their usual names."""
        return self._set(_INFERENCE)

    def local(self) -> dict[str, Any]:
        """The settings of a local model that are set."""
        return self._set(_LOCAL)

    def _set(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def _json_list(text: str, of: str) -> tuple[Any, ...]:
    try:
        return tuple(json.loads(text))
    except ValueError as error:
        raise ValueError(f"should be a string or a JSON list of {of}: {error}") from None


def load(**arguments: Any) -> Settings:
    """Read the settings as they are now; an argument that is None counts as not given.

    Raises:
        SettingsError: A value is not allowed, a name is not known, or `agentkit.toml` is not TOML.

    >>> load(min_p=7)
    Traceback (most recent call last):
    agentkit.errors.SettingsError: min_p = 7 (from an argument): Input should be less than or equal to 1
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(detail, given) for detail in error.errors(include_url=False))) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{Path(FILE).absolute()} is not TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{Path(FILE).absolute()} cannot be read: {error}") from None


def origin(name: str, arguments: Mapping[str, Any] | None = None) -> str:
    """Where a setting's value comes from: `an argument`, a variable's name, the file's path, or `the default`.

    >>> origin("seed", {"seed": 3})
    'an argument'
    """
    if (arguments or {}).get(name) is not None:
        return "an argument"
    variable = (PREFIX + name).upper()
    if os.environ.get(variable):
        return variable
    return str(Path(FILE).absolute()) if name in _file() else "the default"


def _file() -> dict[str, Any]:
    try:
        return tomllib.loads(Path(FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _explain(detail: ErrorDetails, given: Mapping[str, Any]) -> str:
    """One line: what came, from where, what is allowed."""
    name = str(detail["loc"][0]) if detail["loc"] else "settings"
    where = origin(name, given)
    if detail["type"] == "extra_forbidden":
        near = get_close_matches(name, Settings.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(sorted(Settings.model_fields))
        return f"there is no setting {name!r} (from {where}): {hint}"
    value = "'***'" if name == "api_key" else repr(detail["input"])
    return f"{name} = {value} (from {where}): {detail['msg']}"
