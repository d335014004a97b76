"""Write the releases that this environment holds as constraints: .venv-dev/bin/python scripts/freeze.py constraints.txt

Left out are releases that do not install on every Python that agentkit supports (soupsieve 4 wants 3.11.5, Debian 12 has
3.11.2): a constraint that nothing can meet ends an installation, while pip alone finds the release that fits.
"""

import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

SUPPORTED = ("3.11.0", "3.12.0", "3.13.0")
OURS = {"agentkit-local", "pip", "wheel"}
HEAD = "# The releases that the tests passed with; `make constraints` writes this file from .venv-dev.\n"


def main() -> None:
    """Write the file, sorted by name; a local version (2.13.0+cpu) exists on one machine only, so its public part is meant."""
    pinned = {}
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        python = SpecifierSet(distribution.metadata.get("Requires-Python") or "")
        if name not in OURS and all(python.contains(version) for version in SUPPORTED):
            pinned[name] = distribution.version.partition("+")[0]
    lines = [f"{name}=={version}\n" for name, version in sorted(pinned.items())]
    Path(sys.argv[1]).write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
