"""The tool `web_search`: titles, addresses and snippets from ddgs, which asks several search engines."""

from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

from agentkit.errors import ToolError
from agentkit.tools.terminal import neutral

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

__all__ = ["Result", "make_web_search", "search_web"]

RESULTS = 5
TIMEOUT = 10
"""Seconds that a search engine may take; the policy's time is for all together."""

_MAX_QUERY, _MAX_TITLE, _MAX_SNIPPET = 400, 200, 600


class Result(TypedDict):
    """A page that was found."""

    title: str
    url: str
    snippet: str


def search_web(query: str, *, backend: str = "auto") -> list[Result]:
    """Search the web: at most 5 pages, none where nothing was found.

    The text is cut to a length and made harmless for a terminal; what it says is anybody's.

    Args:
        query: What to search for.
        backend: ddgs's names of search engines, with commas between.

    Raises:
        ToolError: The query is empty or too long, the package `ddgs` is missing, or the search engines can't be reached.

    >>> search_web(" ")
    Traceback (most recent call last):
    agentkit.errors.ToolError: the query is empty: write what to search for
    """
    query = " ".join(query.split())
    if not query:
        raise ToolError("the query is empty: write what to search for")
    if len(query) > _MAX_QUERY:
        raise ToolError(f"the query has {len(query):,} characters: write at most {_MAX_QUERY}, a few words are best")
    found = [_result(item) for item in _ask(query, backend)]
    return [item for item in found if item["url"]][:RESULTS]


def _ask(query: str, backend: str) -> list[dict[str, Any]]:
    try:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException, RatelimitException, TimeoutException
    except ImportError:
        raise ToolError("web_search needs the package ddgs: pip install 'agentkit-local[web]'") from None
    try:
        return list(DDGS(timeout=TIMEOUT).text(query, max_results=RESULTS, backend=backend))
    except TimeoutException:
        raise ToolError(f"the search engines did not answer within {TIMEOUT} seconds: try again, or answer without them") from None
    except RatelimitException:
        raise ToolError("the search engines refuse more requests for now: answer without them") from None
    except DDGSException as error:
        if "No results" in str(error):
            return []
        # the message may hold addresses with the proxy's password: only its kind is told
        raise ToolError(f"the web can't be searched now ({_kind(error)}): check the network, or answer without it") from None


def _kind(error: Exception) -> str:
    return str(error).split(":", 1)[0].split("(", 1)[0].strip()[:40] or type(error).__name__


def _result(item: dict[str, Any]) -> Result:
    url = neutral(str(item.get("href") or "").strip())
    return Result(
        title=_line(item.get("title"), _MAX_TITLE) or _line(item.get("href"), _MAX_TITLE),
        url=url if _is_address(url) else "",
        snippet=_line(item.get("body"), _MAX_SNIPPET),
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= 2_000 and " " not in url


def _line(text: Any, length: int) -> str:
    line = " ".join(neutral(str(text or "")).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def make_web_search() -> "BaseTool":
    """The tool as an agent is given it; what it finds can be cited like a passage of a document."""
    from agentkit.tools.decorator import tool

    @tool("web_search", effect="reads", trust="web", timeout=3 * TIMEOUT, response_format="content_and_artifact")
    def web_search(query: str) -> tuple[str, dict[str, Any]]:
        """Search the web for pages.

        Args:
            query: what to search for, a few words
        """
        results = search_web(query)
        shown = "\n\n".join(f"{result['title']}\n{result['url']}\n{result['snippet']}" for result in results)
        passages = [
            {"source": result["url"], "location": result["title"], "text": result["snippet"] or result["title"]} for result in results
        ]
        return shown or f"no results for {query!r}: try other words", {"passages": passages}

    return web_search
