"""What a question may cost: steps, tokens, seconds."""

import math
from dataclasses import dataclass

from agentkit.errors import SettingsError

__all__ = ["Budget"]

SUPERSTEPS_A_STEP = 3
"""reason, act, observe."""
STEPS_AT_MOST = 1000
"""Where `steps` is `None` a run still ends after this many."""


@dataclass(frozen=True)
class Budget:
    """The limits of one question; `None` means no limit of that kind. What is used up ends in a last, forced answer.

    Raises:
        SettingsError: a limit is not a number, or negative.

    >>> Budget(steps=2).recursion_limit
    17
    """

    steps: int | None = 8
    """Rounds of tool calls; then an answer from what was seen (`max_steps`)."""
    tokens: int | None = 4096
    """Tokens that the model may write, thoughts and calls included (`max_tokens`)."""
    seconds: float | None = 120
    """Seconds from the question to the answer (`max_seconds`)."""

    def __post_init__(self) -> None:
        for name in ("steps", "tokens", "seconds"):
            value = getattr(self, name)
            kinds = (int, float) if name == "seconds" else (int,)
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool) or not 0 <= value < math.inf):
                wanted = "a number of seconds" if name == "seconds" else "a whole number"
                raise SettingsError(f"Budget({name}={value!r}): give {wanted} from 0 upward, or None for no limit")

    @property
    def most_steps(self) -> int:
        """Steps after which an answer is forced, whatever the budget says."""
        return STEPS_AT_MOST if self.steps is None else self.steps

    @property
    def reserved_tokens(self) -> int:
        """Tokens that are kept back for the last, forced answer."""
        return 0 if self.tokens is None else min(256, self.tokens // 4)

    @property
    def reserved_seconds(self) -> float:
        """Seconds that are kept back for the last, forced answer."""
        return 0.0 if self.seconds is None else min(15.0, self.seconds / 5)

    @property
    def recursion_limit(self) -> int:
        """LangGraph's limit on supersteps, high enough that the budget always ends a run first."""
        return SUPERSTEPS_A_STEP * self.most_steps + 11
