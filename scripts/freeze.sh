#!/usr/bin/env bash
# Write the releases that an environment holds as constraints: freeze.sh FOLDER FILE
set -euo pipefail
{
  echo "# The releases that the tests passed with; \`make constraints\` writes this file from .venv-dev."
  # Local versions (2.13.0+cpu) exist on one machine only; what is installed from a path has no release.
  "$1/bin/python" -m pip freeze --all --exclude-editable --exclude agentkit-local --exclude pip --exclude wheel | sed -e 's/ @ file:.*llama_cpp_python-\([0-9.]*\)-.*/==\1/' -e 's/+cpu$//' | grep -v ' @ '
} > "$2.new"
mv "$2.new" "$2"
