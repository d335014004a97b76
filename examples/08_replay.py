"""A run kept in a file, and repeated without its model.

Shows `record=` and `replay`: the file holds what was asked, each turn of the model, each result and the answer, a JSON object
a line. A replay takes the model's turns and the tools' results from it and does the rest again, so it is quick, needs no model
and is equal; an agent that would ask its model something else is told so. Prints the events, whether both answers are
equal, and what the replay says of changed instructions.

    .venv/bin/python examples/08_replay.py [FILE]
"""

import json
import sys
import tempfile
from pathlib import Path

from agentkit import Agent, AgentkitError, replay

QUESTION = "What is 18% of 1,250?"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(sys.argv[1] if len(sys.argv) > 1 else f"{folder}/run.jsonl")
        recorded = Agent("embedded").ask(QUESTION, record=file)
        for line in file.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            print(f"Event: {event['event']} (step {event['step']}), {len(line)} bytes")

        repeated = replay(file)
        print(f"Answer: {repeated.text}")
        print(f"Equal: {repeated.to_dict() == recorded.to_dict()}")

        try:
            replay(file, agent=Agent("embedded", instructions="Answer in French."))
        except AgentkitError as error:
            print(f"Changed: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main()
