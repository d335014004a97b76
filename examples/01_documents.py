"""A question that documents answer.

Shows `documents=`: the files are indexed once, the agent searches them, and what it says carries citations whose quotes are
literally in a file. Prints the calls, the answer, and for each citation its number, file, place and quote.

    .venv/bin/python examples/01_documents.py ["a question of your own about examples/handbook"]
"""

import json
import sys
from pathlib import Path

from agentkit import Agent

HANDBOOK = Path(__file__).with_name("handbook")


def main() -> None:
    question = " ".join(sys.argv[1:]) or "Who maintains the pump station?"
    agent = Agent("embedded", documents=[HANDBOOK])
    answer = agent.ask(question)

    print(f"Question: {question}")
    for step in answer.steps:
        print(f"Call: {step['tool']} {json.dumps(step['args'])}")
    print(f"Answer: {answer.text}")
    for citation in answer.citations:
        print(f"  [{citation['n']}] {citation['source']}, {citation['location']}: {json.dumps(citation['quote'], ensure_ascii=False)}")


if __name__ == "__main__":
    main()
