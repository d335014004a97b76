"""Write the files that are made from the code: python scripts/generate.py [--check]

    docs/cli.md    what every command's --help says

With --check nothing is written; the exit code is 1 where a file is not what would be written.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ("ask", "batch", "chat", "index", "search", "show-prompt", "replay")
HEAD = "# The command line\n\nWritten by `scripts/generate.py` from the commands themselves.\n"


def help_of(*command: str) -> str:
    """What `agentkit COMMAND --help` prints on a terminal of 80 columns."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "agentkit.cli", *command, "--help"], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def cli() -> str:
    """docs/cli.md."""
    parts = [f"```\n{help_of()}\n```\n", *(f"## agentkit {name}\n\n```\n{help_of(name)}\n```\n" for name in COMMANDS)]
    return "\n".join([HEAD, *parts])


def main() -> int:
    """Write, or check."""
    stale = []
    for name, text in {"docs/cli.md": cli()}.items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv[1:]:
        print(f"not fresh: {', '.join(stale)}. Run: .venv-dev/bin/python scripts/generate.py", file=sys.stderr)
        return 1
    print("generated files are fresh" if not stale else f"written: {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
