"""search_documents: passages for the model, with their places as an artifact."""

from pathlib import Path

import pytest

from agentkit.errors import ToolError
from agentkit.retrieval import Knowledge
from agentkit.tools.policy import policy_of
from agentkit.tools.retriever import search_documents_tool
from agentkit.tools.schema import tool_spec


@pytest.fixture
def held(tmp_path: Path, home: Path) -> Knowledge:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "inn.md").write_text(
        "# Inn\n\n## Beds\n\nA bed costs 24.00.\n\n## Dogs\n\n" + "Dogs sleep in the barn, and never in a room. " * 10
    )
    (docs / "pump.md").write_text("# Pump\n\nThe pump is maintained by Ada.")
    return Knowledge(docs)


def test_passages_are_in_the_artifact_and_no_more_than_k(held: Knowledge) -> None:
    message = search_documents_tool(held, k=2).invoke(
        {"name": "search_documents", "args": {"query": "what is a bed"}, "id": "1", "type": "tool_call"}
    )
    passages = message.artifact["passages"]
    assert len(passages) == 2 and passages[0] == {"source": "inn.md", "location": "Inn > Beds", "text": "A bed costs 24.00."}
    assert message.content.startswith("inn.md, Inn > Beds\nA bed costs 24.00.\n\n")


def test_it_shows_itself_in_one_short_sentence_with_one_argument(held: Knowledge) -> None:
    spec = tool_spec(search_documents_tool(held))
    assert (spec.name, spec.description, list(spec.parameters["properties"])) == (
        "search_documents",
        "Search the user's documents.",
        ["query"],
    )


def test_its_text_is_the_users_own_and_it_only_reads(held: Knowledge) -> None:
    policy = policy_of(search_documents_tool(held))
    assert (policy.effect, policy.trust) == ("reads", "user")


def test_an_empty_query_is_an_observation(held: Knowledge) -> None:
    with pytest.raises(ToolError, match="empty"):
        search_documents_tool(held).invoke({"query": " "})
