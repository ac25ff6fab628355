# Every target does its own set-up first. Paths are relative, so that the checkout may lie in a folder with spaces.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin

.PHONY: help setup fmt check test demo up bench faults lock clean

help: ## Show this list
	@echo "usage: make TARGET [NAME=value ...]"; echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-7s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PYTHON=python3.12  the Python that .venv is made from (3.11 to 3.13; default python3)"
	@echo "  TESTARGS='...'     passed to pytest, e.g. make test TESTARGS='tests/core -k gzip'"
	@echo "  JOBS=2             files of tests at a time, each with servers of its own (default 2; 0: none beside pytest)"
	@echo "  SERVE=0            make demo: do the work, print the summary, stop everything, exit"
	@echo "  DEMOARGS='...'     passed to weblogs demo;  UPARGS to weblogs up;  BENCHARGS to the benchmark;  FAULTARGS to the campaign"

setup: ## Make .venv with the pinned packages, or bring it up to date
	@$(PYTHON) requirements/install.py

fmt: setup ## Format the code and fix what the linter can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

check: setup ## Format, lint, types, import directions, and that Dagster loads the definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-logo
	DAGSTER_DISABLE_TELEMETRY=yes VIRTUAL_ENV="$$PWD/.venv" $(BIN)/dg check defs

test: setup ## Run the tests; browser tests need Chromium and skip without it
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(TESTARGS)

demo: setup ## Everything at once: servers, a day of traffic, loads, Dagster's UI (Ctrl-C stops it)
	@$(BIN)/weblogs demo $(if $(filter 0 no false,$(SERVE)),--no-serve) $(DEMOARGS)

up: setup ## Start the embedded S3 and Redshift, and stay until Ctrl-C
	@$(BIN)/weblogs up $(UPARGS)

bench: setup ## Time the whole path beside DuckDB's bare read_json
	@$(BIN)/python -m benchmarks.whole_path $(BENCHARGS)

faults: setup ## Kill, cut and refuse, and compare what is there with what was delivered (docs/RELIABILITY.md)
	@$(BIN)/python -m tests.faults $(FAULTARGS)

# Exact versions and the hashes of all their files, for every platform and Python; no index and no machine's path.
LOCK = $(BIN)/uv --no-config pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --no-strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command 'make lock'

lock: setup ## Compile requirements/ from pyproject.toml (LOCKARGS=--upgrade for newer versions)
	@$(LOCK) $(LOCKARGS) -o requirements/runtime.txt
	@$(LOCK) $(LOCKARGS) --extra postgres -c requirements/runtime.txt -o requirements/deployment.txt
	@$(LOCK) $(LOCKARGS) --extra dev --extra postgres -c requirements/runtime.txt -o requirements/dev.txt
	@$(MAKE) setup

clean: ## Remove .venv, caches and build output (the data under .weblogs stays)
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -not -path './.weblogs/*' -prune -exec rm -rf {} +
