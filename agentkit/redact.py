"""Secrets, taken out of whatever is written down: by value from the environment, and by pattern."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["MASK", "Redactor", "secrets_of_environment"]

MASK = "[redacted]"

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.,]{1,9}")
SHORTEST = 6
"""Characters; a shorter value of such a variable is no secret but a setting, and would blot out ordinary text."""

_LOOKS = re.compile(
    r"""
      -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+                       # JSON web tokens
    | \b(?:sk|pk|rk)[-_][\w-]{16,}                             # OpenAI, Anthropic, Stripe
    | \bgh[opsur]_\w{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,}
    | \bxox[a-z]-[\w-]{10,}                                    # Slack
    | \bA(?:KIA|SIA)[0-9A-Z]{16}\b                             # AWS
    | \bAIza[\w-]{30,}                                         # Google
    | \bhf_[A-Za-z0-9]{20,}                                    # Hugging Face
    | (?<=[Bb]earer\ )[\w.~+/=-]{12,}
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                          # name:password@ in an address
    | (?<=["'_\ -])(?i:api[_-]?key|secret|password|passwd|token)["']?\s*[:=]\s*["']?(?=[^\s"']*\d)[^\s"',;]{8,}
    """,
    re.VERBOSE,
)


def secrets_of_environment(environment: Mapping[str, str] | None = None) -> list[str]:
    """Values of the variables whose names speak of keys, tokens, secrets or passwords.

    >>> secrets_of_environment({"MY_API_KEY": "abc123xyz", "MAX_TOKENS": "4096", "HOME": "/root"})
    ['abc123xyz']
    """
    environment = os.environ if environment is None else environment
    return [
        value for name, value in environment.items() if _NAME.search(name) and len(value) >= SHORTEST and not _NUMBER.fullmatch(value)
    ]


class Redactor:
    """Takes secrets out of text and of JSON data.

    Args:
        secrets: values to take out, beside those of the environment at this moment.

    >>> Redactor(["hunter22"])({"note": "it is hunter22", "key": "sk-abcdefghijklmnopqrst"})
    {'note': 'it is [redacted]', 'key': '[redacted]'}
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = {value for value in [*secrets, *secrets_of_environment()] if len(value) >= SHORTEST}
        self._values = sorted(values, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets."""
        if len(text) < SHORTEST:
            return text
        for value in self._values:
            text = text.replace(value, MASK)
        return _LOOKS.sub(MASK, text)

    def __call__(self, data: Any) -> Any:
        """The data without secrets, keys of objects included; tuples become lists.

        Token ids beside a text that held a secret are dropped: they spell it out.
        """
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, Mapping):
            clean = {self.text(str(key)): self(value) for key, value in data.items()}
            return _without_ids(clean) if clean != data and _holds_ids(clean) else clean
        if isinstance(data, list | tuple):
            return [self(item) for item in data]
        return data


def _holds_ids(data: Mapping[str, Any]) -> bool:
    metadata = data.get("response_metadata")
    return isinstance(metadata, Mapping) and "token_ids" in metadata


def _without_ids(data: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in data["response_metadata"].items() if key not in ("token_ids", "text_hash")}
    return {**data, "response_metadata": metadata}
