# Two environments, both inside this folder: .venv is what the agent needs (no torch), .venv-dev is everything.
# Indexes, proxies and certificates are pip's own settings; nothing here names one.

LLAMA_CPP := 0.3.36
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$python && break; done)
PYTEST_ARGS ?= -m "not slow"
QUESTIONS = $(or $(AGENTKIT_QUESTIONS),../shared/questions)

BUILT := .cache/wheels/llama-cpp-python-$(LLAMA_CPP).built
BASE := .venv/installed
DEV := .venv-dev/installed
EXTRAS_DEV := embedded,tune,web,dev

.DELETE_ON_ERROR:
.PHONY: help demo test check measure adapter bench constraints clean

help:
	@echo "make demo      ask the embedded model three questions about examples/handbook"
	@echo "make test      the tests (PYTEST_ARGS= runs the slow ones too)"
	@echo "make check     ruff, mypy, generated files"
	@echo "make measure   ask the questions of AGENTKIT_QUESTIONS, beside the last kept result"
	@echo "make adapter   make the adapter of the embedded model"
	@echo "make bench     the benchmarks"

demo: $(BASE)
	@.venv/bin/python examples/00_demo.py

test: $(DEV)
	@.venv-dev/bin/python -m pytest tests agentkit --doctest-modules --cov --cov-report=term $(PYTEST_ARGS)

check: $(DEV)
	.venv-dev/bin/ruff check .
	.venv-dev/bin/mypy
	.venv-dev/bin/python scripts/generate.py --check

measure: $(BASE)
	@.venv/bin/python scripts/measure.py --questions "$(QUESTIONS)" $(MEASURE_ARGS)

adapter: $(DEV)
	@.venv-dev/bin/python -m agentkit.tuning.make_adapter $(ADAPTER_ARGS)

bench: $(BASE)
	@missed=0; for script in benchmarks/*.py; do echo "== $$script"; .venv/bin/python "$$script" || missed=1; done; exit $$missed

# What .venv-dev holds now becomes what everybody gets.
constraints: $(DEV)
	@.venv-dev/bin/python scripts/freeze.py constraints.txt

clean:
	rm -rf .venv .venv-dev .cache build dist *.egg-info

# llama-cpp-python is built once and shared. For a GPU: rm -r .cache/wheels .venv, then make demo CMAKE_ARGS=-DGGML_CUDA=on
$(BUILT): scripts/llama_wheel.sh scripts/llama_library_only.cmake
	@CMAKE_ARGS="$(CMAKE_ARGS)" scripts/llama_wheel.sh "$(PYTHON)" $(LLAMA_CPP)
	@touch $@

$(BASE): pyproject.toml constraints.txt setup.py $(BUILT)
	@scripts/environment.sh "$(PYTHON)" .venv embedded
	@touch $@

$(DEV): pyproject.toml constraints.txt setup.py $(BUILT)
	@scripts/environment.sh "$(PYTHON)" .venv-dev $(EXTRAS_DEV)
	@touch $@
