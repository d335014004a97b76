"""The one check that pyproject.toml cannot make: are the linked folders there?"""

import sys
from pathlib import Path

from setuptools import setup

LINKED = ("tools", "graphs", "prompts")

missing = [name for name in LINKED if not (Path(__file__).resolve().parent / "agentkit" / name).is_dir()]
if missing:
    sys.exit(
        f"agentkit/{missing[0]} is not a folder, so the build would lack {', '.join(missing)}. "
        "This checkout has symbolic links as plain files: run `git config core.symlinks true` and `git checkout -- agentkit`."
    )

setup()
