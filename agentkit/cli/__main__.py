"""`python -m agentkit.cli`."""

from agentkit.cli import main

main()
