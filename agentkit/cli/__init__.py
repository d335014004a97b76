"""The command line: `agentkit ask`, `batch`, `chat`, `index`, `search`, `show-prompt`, `replay`.

Exit codes: 0 answered; 2 wrong use; 3 stopped before an answer could be given; 4 model or endpoint failed; 5 waits for
approval; 130 cancelled.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from agentkit.cli.app import run

        code = run()
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)
