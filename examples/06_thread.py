"""A conversation that is remembered.

Shows `thread=`: what was said is kept under AGENTKIT_HOME, by name, and another agent, in another process, on another day,
goes on with it. A local model doesn't read again what it has in its cache. Prints each question with its answer and how many
of the prompt's tokens were taken from the cache, then the names of the threads.

    .venv/bin/python examples/06_thread.py
"""

from agentkit import Agent, delete_thread, list_threads

THREAD = "example"
QUESTIONS = ("What is 18% of 450?", "And half of that?", "Now times 12.")


def main() -> None:
    delete_thread(THREAD)  # begin anew each time
    for question in QUESTIONS:
        agent = Agent("embedded", tools=["calculator"])  # a new one each time: only the thread remembers
        answer = agent.ask(question, thread=THREAD)
        calls = ", ".join(f"{step['tool']} {step['args']}" for step in answer.steps) or "no call"
        usage = answer.usage
        print(f"Question: {question}")
        print(f"Answer: {answer.text}")
        print(f"({calls}; {usage['cached_tokens']} of {usage['input_tokens']} prompt tokens from the cache)\n")
    print("Threads:", ", ".join(list_threads()))


if __name__ == "__main__":
    main()
