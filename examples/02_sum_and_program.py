"""A sum by the calculator, and a question that takes a program.

Shows the two tools that every agent has unless it is given others: `calculator` (exact) and `python` (a sandbox without
files and network). Prints for each question the call, what came of it, the answer, and what it cost.

    .venv/bin/python examples/02_sum_and_program.py
"""

import json

from agentkit import Agent, Answer

QUESTIONS = ("What is 18% of 1,250?", "How many primes are below 100?")


def show(question: str, answer: Answer) -> None:
    print(f"Question: {question}")
    for step in answer.steps:
        print(f"Call: {step['tool']} {json.dumps(step['args'])}")
        print(step["observation"])
    print(f"Answer: {answer.text}")
    usage = answer.usage
    print(f"({answer.stop_reason}, {usage['input_tokens']} tokens in, {usage['output_tokens']} out, {usage['seconds']:.1f} s)\n")


def main() -> None:
    agent = Agent("embedded")
    for question in QUESTIONS:
        show(question, agent.ask(question))


if __name__ == "__main__":
    main()
