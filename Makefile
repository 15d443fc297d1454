# Everything runs in .venv, which the first command creates. Another interpreter: make demo PYTHON=python3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
CODE := src tests $(wildcard benchmarks examples)

.PHONY: help demo test test-slow test-all test-lowest lint format types layers spelling docstrings bench bench-exact build clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      install into $(VENV) and run the main job on a shipped data set"
	@echo "make test      lint, types, layers, spelling and the tests that run in CI"
	@echo "make test-slow the slow tests alone"
	@echo "make test-all  'make test' with the slow tests"
	@echo "make test-lowest  the tests with the minimum versions of what is needed, on Python 3.11, in .venv-lowest"
	@echo "make lint      everything of 'make test' but the tests"
	@echo "make format    put the code into the house's format"
	@echo "make bench     ratios against other packages (see benchmarks/README.md)"
	@echo "make bench-exact  the bars of exact search (see benchmarks/exact/README.md)"
	@echo "make build     wheel and source distribution in dist/"
	@echo "make clean     remove $(VENV), caches and build products"

# Stamps: an installation is repeated only when what it depends on has changed. The install is editable, so the sources are not
# among those.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { \
	  echo "error: ellzero needs Python 3.11 to 3.14, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed
	@$(BIN)/ellzero demo

test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow and not gpu and not browser"

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 -m "slow and not gpu and not browser"

test-all: lint
	$(BIN)/python -m pytest -n 2 -m "not gpu and not browser"

test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt --editable '.[test]'
	.venv-lowest/bin/python -m pytest -n 2 -m "not slow and not gpu and not browser"

lint: $(VENV)/.installed-test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(MAKE) --no-print-directory types layers spelling docstrings

types: $(VENV)/.installed-test
	$(BIN)/pyright

layers: $(VENV)/.installed-test
	$(BIN)/lint-imports --no-cache

spelling: $(VENV)/.installed-test
	$(BIN)/codespell $(CODE) $(wildcard *.md docs)

docstrings: $(VENV)/.installed-test
	$(BIN)/numpydoc lint $$(find src -name '*.py')

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/.installed
	$(BIN)/python benchmarks/run.py

bench-exact: $(VENV)/.installed
	$(BIN)/python -m benchmarks.exact

build: $(VENV)/bin/python
	$(PIP) build
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) .venv-lowest dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
