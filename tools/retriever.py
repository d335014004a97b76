"""search_documents: the agent's way into its documents."""

from typing import TYPE_CHECKING, Any

from agentkit.errors import ToolError, UsageError
from agentkit.tools.policy import POLICY_KEY, Policy

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool

    from agentkit.retrieval.knowledge import Knowledge

__all__ = ["search_documents_tool"]


def search_documents_tool(knowledge: "Knowledge", k: int = 3) -> "StructuredTool":
    """A LangChain tool `search_documents(query)` over a knowledge.

    Its artifact is `{"passages": [{"source", "location", "text"}, ...]}`, at most `k`; its content the same as plain text. The text is
    the user's own: they named the documents.
    """
    from langchain_core.tools import StructuredTool

    def search_documents(query: str) -> tuple[str, dict[str, Any]]:
        """Search the user's documents."""
        try:
            hits = knowledge.search(query, k=k)
        except UsageError as error:
            raise ToolError(str(error)) from error
        passages = [{"source": hit.source, "location": hit.location, "text": hit.text} for hit in hits]
        shown = "\n\n".join(f"{passage['source']}, {passage['location']}\n{passage['text']}" for passage in passages)
        return shown or "nothing found", {"passages": passages}

    policy = Policy(effect="reads", trust="user")
    return StructuredTool.from_function(search_documents, response_format="content_and_artifact", metadata={POLICY_KEY: policy})
