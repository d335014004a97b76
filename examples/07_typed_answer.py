"""An answer as an object.

Shows `schema=`: a Pydantic model (a TypedDict or a JSON Schema works too) whose grammar the local model keeps to, so that
`answer.value` is an object of it, made from what the agent found; it is None only where the run was stopped before that. Prints the
object, its fields and its JSON.

    .venv/bin/python examples/07_typed_answer.py
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from agentkit import Agent

HANDBOOK = Path(__file__).with_name("handbook")
QUESTION = "What does a tour of the pump station cost?"


class Price(BaseModel):
    """What something costs."""

    amount: float = Field(ge=0)
    currency: Literal["euros", "dollars"]
    per: str = Field(max_length=40, description="what it is paid for: a night, a head, ...")


def main() -> None:
    agent = Agent("embedded", documents=[HANDBOOK], tools=[])
    answer = agent.ask(QUESTION, schema=Price)
    print(f"Question: {QUESTION}")
    print(f"Value: {answer.value!r}")
    for name, value in answer.value or ():
        print(f"  {name}: {value}")
    print(f"JSON: {answer.text}")


if __name__ == "__main__":
    main()
