#!/usr/bin/env bash
# Make or bring up to date a virtual environment with agentkit installed in place: environment.sh PYTHON FOLDER EXTRAS
set -euo pipefail
python=$1 folder=$2 extras=$3
if [ -z "$python" ]; then
  echo "agentkit needs Python 3.11, 3.12 or 3.13, and none is on the PATH. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
  exit 2
fi
if [ ! -x "$folder/bin/python" ]; then
  echo "== $folder: $("$python" --version)"
  if ! "$python" -m venv "$folder"; then
    rm -rf "$folder"
    echo "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 2
  fi
fi
echo "== $folder: packages ($extras)"
# pip takes a wheel of the same version for the one that is there: a new build has to be forced on it.
if [ -e "$folder/installed" ] && [ -n "$(find .cache/wheels -name '*.whl' -newer "$folder/installed")" ]; then
  "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --quiet --no-deps --force-reinstall .cache/wheels/llama_cpp_python-*.whl
fi
# One resolution: the wheel by its path, so that pip never builds llama-cpp-python a second time.
"$folder/bin/python" -m pip install --disable-pip-version-check --no-input --constraint constraints.txt \
  .cache/wheels/llama_cpp_python-*.whl --editable ".[$extras]"
