"""A tool of your own.

Shows `@tool`: type hints become the schema that the model's grammar keeps to, the docstring becomes what it reads, and the
options say what a call may do. A plain function works as well. Prints the signature that the model is shown, the calls with
their results, and the answer.

    .venv/bin/python examples/03_own_tool.py
"""

import json
from typing import Literal

from agentkit import Agent, ToolError, tool
from agentkit.contract import render_signature
from agentkit.tools import tool_spec

LEVELS = {"Haldern": 2.31, "Kolk": 2.18, "Abbey Lock": 2.06}


@tool(effect="reads", timeout=5)
def water_level(place: Literal["Haldern", "Kolk", "Abbey Lock", "Lake Lock"]) -> str:
    """Say how high the water of the canal is now.

    Args:
        place: where it is measured
    """
    if place not in LEVELS:  # a ToolError is an observation: the model reads it and goes on
        raise ToolError(f"the gauge at {place} is broken")
    return f"{LEVELS[place]:.2f} metres at {place}"


def main() -> None:
    agent = Agent("embedded", tools=["calculator", water_level])
    print(render_signature(tool_spec(water_level)))
    for question in ("How high is the water at Kolk?", "And what is the water level at Lake Lock?"):
        answer = agent.ask(question)
        print(f"\nQuestion: {question}")
        for step in answer.steps:
            print(f"Call: {step['tool']} {json.dumps(step['args'])}")
            print(step["observation"])
        print(f"Answer: {answer.text}")


if __name__ == "__main__":
    main()
