"""What a tool may do: how long, with what effect, whose text it returns, who must agree, how much the model reads of it."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["POLICY_KEY", "Approval", "Effect", "Policy", "Trust", "policy_of"]

Effect = Literal["none", "reads", "writes", "spends"]
Trust = Literal["user", "tool", "web"]
Approval = Literal["auto", "ask", "never"]

POLICY_KEY = "agentkit_policy"
"""Where a tool's `metadata` holds its policy."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules a tool is called under.

    Raises:
        UsageError: A field has a value that is not allowed.

    >>> Policy(effect="writes", timeout=5).trust
    'tool'
    >>> Policy(timeout=0)
    Traceback (most recent call last):
    agentkit.errors.UsageError: timeout=0 of a tool's policy: give seconds above 0
    """

    timeout: float = 30.0
    """Seconds a call may take."""
    effect: Effect | None = None
    """What a call changes; `None` means that nobody has said."""
    trust: Trust = "tool"
    """Who wrote the text that comes back: the user, the tool's maker, or anybody on the web."""
    approval: Approval | None = None
    """Whether a call runs by itself, asks first, or is refused; `None` leaves it to the agent."""
    max_result_tokens: int = 1200
    """How much of a result the model is shown."""

    def __post_init__(self) -> None:
        """Refuse what is not allowed."""
        for name, allowed in (("effect", (*get_args(Effect), None)), ("trust", get_args(Trust)), ("approval", (*get_args(Approval), None))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name}={getattr(self, name)!r} of a tool's policy: choose one of {', '.join(map(repr, allowed))}")
        if not _is_number(self.timeout) or not 0 < self.timeout < float("inf"):
            raise UsageError(f"timeout={self.timeout!r} of a tool's policy: give seconds above 0")
        if not isinstance(self.max_result_tokens, int) or self.max_result_tokens < 1:
            raise UsageError(f"max_result_tokens={self.max_result_tokens!r} of a tool's policy: give a whole number above 0")

    def to_dict(self) -> dict[str, Any]:
        """The policy as plain JSON data.

        >>> Policy(timeout=5).to_dict()["timeout"]
        5
        """
        return {item.name: getattr(self, item.name) for item in fields(self)}


def policy_of(tool: "BaseTool") -> Policy:
    """The policy that a tool carries in its metadata, or the default one."""
    policy = (tool.metadata or {}).get(POLICY_KEY)
    return policy if isinstance(policy, Policy) else Policy()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
