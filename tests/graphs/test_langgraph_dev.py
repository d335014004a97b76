"""`langgraph dev` with the tree's own langgraph.json, spoken to over HTTP as LangGraph Studio does.

The model is a stand-in on this machine.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

pytest.importorskip("langgraph_cli", reason="langgraph-cli is in the dev extra")
pytest.importorskip("langgraph_api", reason="langgraph-cli[inmem] is in the dev extra")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SECRET = "the canary sings at noon"


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint: it searches once where it can, then answers with what it found."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        """Stream a call or an answer."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(request)
        called = any(message["role"] == "tool" for message in request["messages"])
        if called:
            deltas: list[dict[str, Any]] = [{"content": piece} for piece in ("The door", " is", ' blue [1: "blue door"].')]
        else:
            function = {"name": "search_documents", "arguments": '{"query": "colour of the door"}'}
            deltas = [{"tool_calls": [{"index": 0, "id": "call00001", "type": "function", "function": function}]}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, finish in [*((delta, None) for delta in deltas), ({}, "stop" if called else "tool_calls")]:
            choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
            line = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(line)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it: langgraph.json, documents, and a file that nobody named."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "langgraph.json", folder)
    (folder / "docs").mkdir()
    (folder / "docs" / "house.md").write_text("# The house\n\nThe house has a blue door.\n")
    (folder / "secret").mkdir()
    (folder / "secret" / "diary.md").write_text(f"# Diary\n\nColour of the door: {SECRET}.\n")
    return folder


@pytest.fixture(scope="module")
def server(endpoint: str, project: Path) -> Iterator[httpx.Client]:
    """The development server, which raises on calls that block its event loop."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "AGENTKIT_MODEL": "openai:stand-in", "AGENTKIT_BASE_URL": endpoint, "AGENTKIT_API_KEY": "none", "AGENTKIT_DOCUMENTS": "docs",
        "AGENTKIT_HOME": str(project / "home"), "LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "true", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    command = [sys.executable, "-c", "from langgraph_cli.cli import cli; cli()", "dev", "--host", "127.0.0.1", "--port", str(port)]
    log = project / "server.log"
    with log.open("w") as output, subprocess.Popen(
        [*command, "--no-browser", "--no-reload"], cwd=project, env={**os.environ, **settings}, stdout=output, stderr=output
    ) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as client:  # fmt: skip
        try:
            _wait_for(client, process, log)
            yield client
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.get("/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")


def _wait(server: httpx.Client, thread: str, question: str, **more: Any) -> dict[str, Any]:
    body = {"assistant_id": "react", "input": {"messages": [{"role": "user", "content": question}]}, **more}
    answered = server.post(f"/threads/{thread}/runs/wait", json=body)
    assert answered.is_success, answered.text
    values: dict[str, Any] = answered.json()
    assert "turn" in values, values
    return values


def _thread(server: httpx.Client) -> str:
    return str(server.post("/threads", json={}).json()["thread_id"])


def test_a_question_is_answered_from_the_documents_of_the_servers_settings(server: httpx.Client) -> None:
    thread = _thread(server)
    values = _wait(server, thread, "Which colour is the door?")
    assert [message["type"] for message in values["messages"]] == ["human", "ai", "tool", "ai"]
    turn = values["turn"]
    assert (turn["text"], turn["stop_reason"]) == ("The door is blue [1].", "answered")
    assert [(item["source"], item["quote"]) for item in turn["citations"]] == [("house.md", "blue door")]
    assert Endpoint.asked[-1]["model"] == "stand-in"
    assert len(_wait(server, thread, "And now?")["messages"]) > 4, "the thread goes on"
    assert server.get(f"/threads/{thread}/state").json()["values"]["turn"]["number"] == 2


def test_a_run_is_streamed(server: httpx.Client) -> None:
    body = {
        "assistant_id": "react",
        "input": {"messages": [{"role": "user", "content": "Which colour?"}]},
        "stream_mode": ["updates", "custom"],
    }
    with server.stream("POST", f"/threads/{_thread(server)}/runs/stream", json=body) as response:
        lines = list(response.iter_lines())
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    nodes = [name for item in told for name in item if name in ("reason", "act", "observe", "critique", "answer")]
    assert nodes == ["reason", "act", "observe", "reason", "critique", "answer"]
    assert not [line for line in lines if line.startswith("event: error")]
    pieces = [item["text"] for item in told if item.keys() == {"step", "text"}]
    assert "".join(pieces) == 'The door is blue [1: "blue door"].'


def test_schemas_and_drawing_are_served(server: httpx.Client) -> None:
    (assistant,) = server.post("/assistants/search", json={"graph_id": "react"}).json()
    schemas = server.get(f"/assistants/{assistant['assistant_id']}/schemas").json()
    assert {"messages", "turn", "evidence"} <= schemas["state_schema"]["properties"].keys()
    assert "messages" in schemas["input_schema"]["properties"]
    assert list(schemas["context_schema"]["properties"]) == ["instructions"]
    drawn = server.get(f"/assistants/{assistant['assistant_id']}/graph").json()
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    assert {("reason", "act"), ("act", "observe"), ("observe", "reason"), ("reason", "critique"), ("critique", "answer")} <= edges


@pytest.mark.parametrize("place", ["context", "configurable"])
def test_a_client_chooses_instructions_but_neither_files_nor_model(server: httpx.Client, project: Path, place: str) -> None:
    sent = {
        "instructions": f"Speak as a sailor, by {place}.", "documents": [str(project / "secret")], "model": "openai:elsewhere",
        "base_url": "http://127.0.0.1:9/v1", "tape": "x", "prepared": True,
    }  # fmt: skip
    values = _wait(
        server, _thread(server), "Which colour is the door?", **({place: sent} if place == "context" else {"config": {place: sent}})
    )
    assert values["turn"]["text"] == "The door is blue [1]."
    assert SECRET not in json.dumps(values)
    asked = Endpoint.asked[-1]
    assert asked["model"] == "stand-in"
    assert f"Speak as a sailor, by {place}." in asked["messages"][0]["content"]
