"""The registry: names, policies, and how near a wrong name is."""

import subprocess
import sys

import pytest
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import tool as langchain_tool

import agentkit.tools
from agentkit.errors import ToolError, UsageError
from agentkit.tools import Policy, Registry, registry, tool
from agentkit.tools.catalog import DEFAULT_TOOLS


@tool(effect="writes", timeout=7)
def add_note(text: str) -> str:
    """Add a note."""
    return f"added {text}"


@langchain_tool
def weather(place: str) -> str:
    """The weather."""
    return f"sunny in {place}"


def shout(text: str) -> str:
    """In capitals."""
    return text.upper()


def test_all_kinds_of_tools_are_kept_in_their_order() -> None:
    box = Registry([shout, weather, add_note, "calculator"])
    assert box.names() == tuple(box) == ("shout", "weather", "add_note", "calculator")
    assert [each.name for each in box.tools()] == list(box.names())
    assert len(box) == 4 and "weather" in box and "wether" not in box
    assert repr(box) == "Registry(['shout', 'weather', 'add_note', 'calculator'])"


def test_a_tool_from_the_registry_is_called_under_its_policy() -> None:
    box = Registry([add_note])
    assert box.policy("add_note") == Policy(effect="writes", timeout=7)
    assert box.get("add_note").invoke({"text": "milk"}) == "added milk"
    with pytest.raises(ToolError, match="'text' is missing"):
        box.get("add_note").invoke({})


def test_a_policy_given_at_registration_wins_and_stays() -> None:
    box = Registry()
    box.register(add_note, Policy(effect="reads"))
    assert Registry([box.get("add_note")]).policy("add_note") == Policy(effect="reads")
    assert box.subset(["add_note"]).policy("add_note") == Policy(effect="reads")


def test_names_are_taken_once() -> None:
    box = Registry([shout])
    with pytest.raises(UsageError, match="there is a tool 'shout' already"):
        box.register(shout)
    with pytest.raises(UsageError, match="there is a tool 'shout' already"):
        box.register_lazily("shout", lambda: add_note)
    with pytest.raises(UsageError, match="already"):
        box.subset(["shout", "shout"])


def test_a_subset_has_the_order_it_is_asked_for() -> None:
    box = Registry([shout, weather, add_note])
    assert box.subset(["add_note", "shout"]).names() == ("add_note", "shout")
    with pytest.raises(UsageError, match="there is no tool 'shot', did you mean 'shout'"):
        box.subset(["shot"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [("add_notes", "add_note"), ("Add-Note", "add_note"), ("addnote", "add_note"), ("WEATHER", "weather"), ("zzz", None), ("", None)],
)
def test_the_nearest_name(given: str, meant: str | None) -> None:
    assert Registry([shout, weather, add_note]).nearest(given) == meant


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"there is no tool 'zzz'\. Known tools: shout, weather"):
        Registry([shout, weather]).get("zzz")
    with pytest.raises(UsageError, match="Known tools: none"):
        Registry().policy("zzz")


def test_search_documents_says_what_it_needs() -> None:
    with pytest.raises(UsageError, match=r"pass documents=\[\.\.\.\] to the agent \(--docs"):
        registry.get("search_documents")


def test_a_lazy_tool_is_made_once_and_when_it_is_needed() -> None:
    made: list[BaseTool] = []

    def make() -> BaseTool:
        made.append(add_note)
        return add_note

    box = Registry()
    box.register_lazily("add_note", make)
    assert "add_note" in box and made == []
    assert box.get("add_note") is box.get("add_note")
    assert box.policy("add_note").timeout == 7 and len(made) == 1


def test_a_schema_that_cannot_be_shown_is_refused_at_registration() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/missing"}}}
    broken = StructuredTool.from_function(lambda a: a, name="broken", description="-", args_schema=schema)
    with pytest.raises(UsageError, match="tool 'broken'"):
        Registry([broken])


def test_the_default_registry_has_the_built_ins() -> None:
    assert registry.names() == ("calculator", "python", "web_search")
    assert DEFAULT_TOOLS == ("calculator", "python")
    assert registry.policy("web_search").trust == "web"
    assert registry.policy("calculator").effect == registry.policy("python").effect == "none"
    assert registry is agentkit.tools.registry


def test_what_the_package_exports() -> None:
    assert agentkit.tools.__all__ == sorted(agentkit.tools.__all__)
    assert all(getattr(agentkit.tools, name) is not None for name in agentkit.tools.__all__)
    with pytest.raises(AttributeError, match="nothing_such"):
        agentkit.tools.nothing_such  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import agentkit.tools, sys; print([m for m in ('langchain_core', 'pydantic_monty', 'ddgs', 'tools') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
