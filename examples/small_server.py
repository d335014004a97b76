"""A small OpenAI-compatible server in front of any chat model, so that 04_endpoint.py has an endpoint without one at hand.

One route, `POST /v1/chat/completions`, whole or streamed, tool calls included; loopback only.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, convert_to_messages
from langchain_core.messages.ai import add_ai_message_chunks


@contextlib.contextmanager
def serving(model: BaseChatModel) -> Iterator[str]:
    """Serve a model while the block runs; yields the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            limit = asked.get("max_completion_tokens") or asked.get("max_tokens")
            options = {"max_tokens": limit} if limit else {}
            tools, choice = asked.get("tools"), asked.get("tool_choice")
            bound = model.bind_tools(tools, tool_choice=choice, **options) if tools else model.bind(**options)
            pieces: Iterator[Any] = bound.stream(convert_to_messages(asked["messages"]))
            streamed = bool(asked.get("stream"))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
            self.end_headers()
            if streamed:
                with contextlib.suppress(ConnectionError):  # the client may leave: closing the stream stops the model
                    for piece in pieces:
                        self.wfile.write(f"data: {json.dumps(as_json(piece, 'delta'))}\n\n".encode())
                    self.wfile.write(b"data: [DONE]\n\n")
            else:
                self.wfile.write(json.dumps(as_json(add_ai_message_chunks(*pieces), "message")).encode())

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def as_json(piece: AIMessageChunk, key: str) -> dict[str, Any]:
    """A message, or a piece of one, in OpenAI's form."""
    calls = [
        {"index": call["index"], "id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["args"]}}
        for call in piece.tool_call_chunks
    ]
    said = {"role": "assistant", "content": piece.content or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, key: said, "finish_reason": piece.response_metadata.get("finish_reason")}
    usage = piece.usage_metadata
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "total_tokens": "total_tokens"}
    counted = {name: dict(usage)[own] for name, own in names.items()} if usage else None
    kind = "chat.completion.chunk" if key == "delta" else "chat.completion"
    return {"id": "1", "object": kind, "created": 0, "model": "small", "choices": [choice], "usage": counted}
