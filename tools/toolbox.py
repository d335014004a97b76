"""The tools of an agent by name, each under its policy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from langchain_core.tools import BaseTool

from agentkit.errors import UsageError
from agentkit.tools.arguments import validate_args
from agentkit.tools.decorator import as_tool, check_name, tool
from agentkit.tools.guard import GuardedTool, guard
from agentkit.tools.policy import Policy
from agentkit.tools.schema import tool_spec

__all__ = ["Registry", "as_tool", "tool", "tool_spec", "validate_args"]

Factory = Callable[[], BaseTool]

_BOUND = {"search_documents": "pass documents=[...] to the agent (--docs on the command line), and it has this tool"}
"""Built-in names that need something to work on, and how one gets them."""


class Registry:
    """Tools by name. `get` gives a tool that is called under its policy.

    Args:
        things: LangChain tools, functions, or names of built-in tools.

    >>> def shout(text: str) -> str:
    ...     "The text in capitals."
    ...     return text.upper()
    >>> box = Registry([shout, "calculator"])
    >>> box.names(), box.get("shout").invoke({"text": "hey"}), box.nearest("calculater")
    (('shout', 'calculator'), 'HEY', 'calculator')
    """

    def __init__(self, things: Iterable[Any] = ()) -> None:
        self._entries: dict[str, GuardedTool | Factory] = {}
        for thing in things:
            self.register(thing)

    def register(self, thing: Any, policy: Policy | None = None) -> BaseTool:
        """Add a tool, a function or a built-in's name; the policy is its own unless one is given.

        Returns:
            The tool under its policy.

        Raises:
            UsageError: It is no tool, or the name is taken or not allowed.
        """
        made = as_tool(thing)
        self._refuse_twice(made.name)
        guarded = guard(made, policy)
        tool_spec(guarded)  # a schema that can't be shown to a model is refused here, not in the middle of a run
        self._entries[made.name] = guarded
        return guarded

    def register_lazily(self, name: str, factory: Factory) -> None:
        """Add a tool that is made when it is first asked for.

        Raises:
            UsageError: The name is taken or not allowed.
        """
        check_name(name)
        self._refuse_twice(name)
        self._entries[name] = factory

    def get(self, name: str) -> BaseTool:
        """The tool under its policy.

        Raises:
            UsageError: There is no such tool.
        """
        return self._guarded(name)

    def policy(self, name: str) -> Policy:
        """The policy of a tool.

        Raises:
            UsageError: There is no such tool.
        """
        return self._guarded(name).policy

    def names(self) -> Sequence[str]:
        """All names, in the order of registration."""
        return tuple(self._entries)

    def tools(self) -> Sequence[BaseTool]:
        """All tools under their policies, in the order of registration."""
        return tuple(self._guarded(name) for name in self._entries)

    def nearest(self, name: str) -> str | None:
        """The name that is most like the given one, if any is.

        >>> Registry(["calculator"]).nearest("Calculate")
        'calculator'
        """
        folded = {_fold(known): known for known in self._entries}
        near = get_close_matches(_fold(name), folded, n=1, cutoff=0.6)
        return folded[near[0]] if near else None

    def subset(self, names: Iterable[str]) -> "Registry":
        """A registry of some of the tools, in the order given.

        Raises:
            UsageError: A name is not known, or comes twice.
        """
        chosen = Registry()
        for name in names:
            chosen._refuse_twice(name)
            chosen._entries[name] = self._guarded(name)
        return chosen

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Registry({list(self._entries)})"

    def _guarded(self, name: str) -> GuardedTool:
        entry = self._entries.get(name)
        if entry is None:
            raise UsageError(self._unknown(name))
        if not isinstance(entry, GuardedTool):
            entry = self._entries[name] = guard(entry())
        return entry

    def _unknown(self, name: str) -> str:
        if name in _BOUND:
            return f"{name!r} is not in this registry: {_BOUND[name]}"
        near = self.nearest(name) if isinstance(name, str) else None
        known = ", ".join(self._entries) or "none"
        hint = f", did you mean {near!r}?" if near else "."
        return f"there is no tool {name!r}{hint} Known tools: {known}"

    def _refuse_twice(self, name: str) -> None:
        if name in self._entries:
            raise UsageError(f"there is a tool {name!r} already: give one of them another name, as in @tool('other_name')")


def _fold(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
