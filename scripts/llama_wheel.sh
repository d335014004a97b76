#!/usr/bin/env bash
# Build llama-cpp-python's wheel into .cache/wheels, once: llama_wheel.sh PYTHON VERSION
# The sdist stays in .cache/sdist: tests read llama.cpp's chat templates from it. CMAKE_ARGS of the caller come last, so they win.
set -euo pipefail
python=$1 version=$2
if [ -z "$python" ]; then
  echo "agentkit needs Python 3.11, 3.12 or 3.13, and none is on the PATH. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
  exit 2
fi
log=.cache/logs/llama-cpp-python.log
mkdir -p .cache/sdist .cache/wheels .cache/logs
sdist=.cache/sdist/llama_cpp_python-$version.tar.gz
pip() { "$builder/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# A builder of its own: the system's pip may be too old, or absent.
builder=$(mktemp -d)
trap 'rm -rf "$builder"' EXIT
"$python" -m venv "$builder" || { echo "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }

if [ ! -f "$sdist" ]; then
  echo "== llama-cpp-python $version: source (77 MB)"
  pip download --quiet --no-deps --no-binary llama-cpp-python --dest .cache/sdist "llama-cpp-python==$version"
fi

echo "== llama-cpp-python $version: building (some minutes, once; log in $log)"
# The agent uses libllama and ggml. Left out: llama.cpp's helpers for its own programs, and the libraries for images and sound.
export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE='$PWD/scripts/llama_library_only.cmake' ${CMAKE_ARGS:-}"
SECONDS=0
progress() {
  if [ -t 1 ]; then
    sed -un 's/^ *\(\[[0-9]*\/[0-9]*\]\).*/\1/p' | while read -r step; do printf '\r   %s %ss ' "$step" "$SECONDS"; done; echo
  else
    sed -un 's/^ *\(\[[0-9]*[05]\/[0-9]*\]\).*/   \1/p'
  fi
}
# Upstream packs every library three times under three names, and all of them once more outside the package.
unneeded='/lib/**;/include/**;/bin/**;/llama_cpp/lib/*.so.*.*.*'
if ! pip wheel --verbose --config-settings "wheel.exclude=$unneeded" --no-deps --no-cache-dir --wheel-dir .cache/wheels "$sdist" 2>&1 | tee "$log" | progress; then
  tail -n 40 "$log" >&2
  echo "llama-cpp-python could not be built: it needs a C and a C++ compiler (Debian and Ubuntu: apt-get install build-essential;" \
    "macOS: xcode-select --install). The whole log: $log" >&2
  exit 1
fi
echo "== llama-cpp-python $version: built in ${SECONDS}s"
