"""The web search against a search engine on loopback."""

import builtins
import html
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.errors import ToolError
from agentkit.tools import registry, web_search
from agentkit.tools.web_search import _result, make_web_search, search_web

pytest.importorskip("ddgs")


class Engine:
    """A search engine: what it answers with, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[], tuple[int, str]] = lambda: (200, "<html></html>")

    def found(self, *pages: tuple[str, str, str]) -> None:
        body = "".join(
            f"<div class='body'><h2>{html.escape(title)}</h2><a href='{html.escape(url)}'>{html.escape(snippet)}</a></div>"
            for title, url, snippet in pages
        )
        self.answer = lambda: (200, f"<html><body>{body}</body></html>")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """ddgs asks this one, and no other, over a real connection."""
    from ddgs.engines import ENGINES
    from ddgs.engines.duckduckgo import Duckduckgo

    playing = Engine()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            playing.asked.append(fields["q"][0])
            status, body = playing.answer()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(Duckduckgo, "search_url", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setitem(ENGINES, "text", {"duckduckgo": Duckduckgo})
    monkeypatch.delenv("DDGS_PROXY", raising=False)
    yield playing
    server.shutdown()
    server.server_close()


def test_pages_come_with_title_address_and_snippet(engine: Engine) -> None:
    engine.found(("Python", "https://www.python.org/", "The language."), ("Docs", "https://docs.python.org/3/", "How to."))
    assert sorted(search_web(" python \n docs "), key=lambda page: page["title"]) == [
        {"title": "Docs", "url": "https://docs.python.org/3/", "snippet": "How to."},
        {"title": "Python", "url": "https://www.python.org/", "snippet": "The language."},
    ]
    assert engine.asked == ["python docs"]


def test_the_tool_gives_text_to_read_and_passages_to_cite(engine: Engine) -> None:
    engine.found(("Python", "https://www.python.org/", "The language."))
    message = make_web_search().invoke({"type": "tool_call", "id": "1", "name": "web_search", "args": {"query": "python"}})
    assert message.content == "Python\nhttps://www.python.org/\nThe language."
    assert message.artifact == {"passages": [{"source": "https://www.python.org/", "location": "Python", "text": "The language."}]}


def test_at_most_five_pages(engine: Engine) -> None:
    engine.found(*((f"Page {n}", f"https://example.com/{n}", f"about {n}") for n in range(20)))
    assert len(search_web("page")) == 5


def test_nothing_found_is_an_observation(engine: Engine) -> None:
    assert search_web("zxqv") == []
    message = make_web_search().invoke({"type": "tool_call", "id": "1", "name": "web_search", "args": {"query": "zxqv"}})
    assert message.content == "no results for 'zxqv': try other words"
    assert message.artifact == {"passages": []}


def test_an_engine_that_fails_is_no_results(engine: Engine) -> None:
    engine.answer = lambda: (503, "busy")
    assert search_web("python") == []


def test_an_engine_that_is_too_slow_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> tuple[int, str]:
        time.sleep(2)
        return 200, ""

    engine.answer = slow
    monkeypatch.setattr(web_search, "TIMEOUT", 1)
    with pytest.raises(ToolError, match="did not answer within 1 seconds"):
        search_web("python")


def test_an_engine_that_cannot_be_reached_is_told_without_addresses(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDGS_PROXY", "http://user:password@127.0.0.1:9")
    with pytest.raises(ToolError, match="the web can't be searched now") as caught:
        search_web("python")
    assert "password" not in str(caught.value)


def test_too_many_requests_are_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from ddgs import DDGS
    from ddgs.exceptions import RatelimitException

    def refuse(*args: Any, **options: Any) -> Any:
        raise RatelimitException("429 http://user:password@proxy")

    monkeypatch.setattr(DDGS, "text", refuse)
    with pytest.raises(ToolError, match="refuse more requests for now") as caught:
        search_web("python")
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "told"), [("", "the query is empty"), (" \n", "the query is empty"), ("x" * 401, "401 characters: write at most 400")]
)
def test_a_query_that_cannot_be_asked(engine: Engine, query: str, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        search_web(query)
    assert engine.asked == []


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ddgs(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("ddgs"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_ddgs)
    with pytest.raises(ToolError, match=r"pip install 'agentkit-local\[web\]'"):
        search_web("python")


def test_pages_without_an_address_that_can_be_opened_are_left_out(engine: Engine) -> None:
    engine.found(("Bad", "javascript:alert(1)", "x"), ("File", "file:///etc/passwd", "x"), ("Good", "https://example.com/", "y"))
    assert [page["title"] for page in search_web("page")] == ["Good"]


def test_text_of_pages_commands_no_terminal_and_is_cut() -> None:
    page = _result({"title": "a\x1b[31m\nb", "href": "https://example.com/", "body": "x" * 5_000})
    assert page["title"] == "a\\x1b[31m b"
    assert len(page["snippet"]) == 600 and page["snippet"].endswith("…")


@given(st.dictionaries(st.sampled_from(["title", "href", "body"]), st.none() | st.text() | st.just("http://[")))
def test_any_result_can_be_shown(item: dict[str, Any]) -> None:
    page = _result(item)
    assert all(character.isprintable() or character not in "\n\x1b\r" for character in "".join(map(str, page.values())))
    assert page["url"] == "" or page["url"].startswith(("http://", "https://"))


def test_the_tool_is_of_the_web_and_is_in_the_registry_but_offered_to_none_by_default() -> None:
    from agentkit.tools.catalog import DEFAULT_TOOLS

    policy = registry.policy("web_search")
    assert (policy.trust, policy.effect) == ("web", "reads")
    assert "web_search" not in DEFAULT_TOOLS
