"""The same agent on an OpenAI-compatible endpoint.

Shows `openai:NAME`: vLLM, llama-server, Ollama, a provider. OPENAI_BASE_URL names the endpoint and OPENAI_API_KEY its key, if
it wants one; the name of the model is the argument. Without OPENAI_BASE_URL a small server on this machine takes its place
(small_server.py, with the embedded model behind it). Prints the address, the calls, and the answer.

    OPENAI_BASE_URL=http://127.0.0.1:8000/v1 .venv/bin/python examples/04_endpoint.py NAME
"""

import contextlib
import json
import os
import sys

from small_server import serving

from agentkit import Agent
from agentkit.models import load_model

QUESTION = "What is 18% of 1,250?"


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "small"
    with contextlib.ExitStack() as stack:
        url = os.environ.get("OPENAI_BASE_URL") or stack.enter_context(serving(load_model("embedded")))
        agent = Agent(load_model(f"openai:{name}", base_url=url, temperature=0), tools=["calculator"])
        answer = agent.ask(QUESTION)

    print(f"Endpoint: {url}")
    print(f"Question: {QUESTION}")
    for step in answer.steps:
        print(f"Call: {step['tool']} {json.dumps(step['args'])}")
        print(step["observation"])
    print(f"Answer: {answer.text}")


if __name__ == "__main__":
    main()
