"""An answer as an object.

Shows `schema=`: a Pydantic model (a TypedDict or a JSON Schema works too) whose grammar the local model keeps to, so that
`answer.value` is always an object of it, made from what the agent found. Prints the object, its fields and its JSON.

    .venv/bin/python examples/07_typed_answer.py
"""

from pathlib import Path

from pydantic import BaseModel, Field

from agentkit import Agent

HANDBOOK = Path(__file__).with_name("handbook")
QUESTION = "Who maintains the pump station?"


class Maintainer(BaseModel):
    """Who looks after something."""

    name: str = Field(max_length=60)
    thing: str = Field(max_length=60, description="what is maintained")


def main() -> None:
    agent = Agent("embedded", documents=[HANDBOOK], tools=[])
    answer = agent.ask(QUESTION, schema=Maintainer)
    print(f"Question: {QUESTION}")
    print(f"Value: {answer.value!r}")
    for name, value in answer.value:
        print(f"  {name}: {value}")
    print(f"JSON: {answer.text}")


if __name__ == "__main__":
    main()
