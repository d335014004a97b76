"""What happens, as it happens.

Shows `agent.stream`: an iterator of events, frozen dataclasses, the last of which holds the answer. Prints calls and results
as they come, the answer piece by piece (citations as the model writes them), then the answer as it is shown.

    .venv/bin/python examples/05_streaming.py
"""

import json
from pathlib import Path

from agentkit import Agent, Call, Critique, Done, Event, Observation, Thought, Token

HANDBOOK = Path(__file__).with_name("handbook")
QUESTION = "What does a tour of the pump station cost?"


def show(event: Event) -> None:
    match event:
        case Thought(text=text):
            print(f"Thought: {text}")
        case Call(tool=tool, args=args):
            print(f"Call: {tool} {json.dumps(args)}")
        case Observation(tool=tool, text=text):
            print(f"{tool} gave {len(text)} characters: {text.splitlines()[0]}")
        case Token(text=text):
            print(text, end="", flush=True)
        case Critique(principle=principle, finding=finding):
            print(f"\nFinding: {principle}: {finding}")
        case Done(answer=answer):
            print(f"\nAnswer: {answer.text}\n({answer.stop_reason}, {len(answer.steps)} calls, {answer.usage['seconds']:.1f} s)")


def main() -> None:
    agent = Agent("embedded", documents=[HANDBOOK], tools=[])
    print(f"Question: {QUESTION}")
    for event in agent.stream(QUESTION):
        show(event)


if __name__ == "__main__":
    main()
