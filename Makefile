# Fresh machine: `make run` serves the demonstration, `make test` runs everything. Needs Python 3.11+ and make; Node only if there is one.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := .run/demo
BENCH  ?=

.PHONY: run test check lint types rules deep bench demo console setup setup-test clean help

help:            ## what there is
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime requirements-test.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

setup: $(VENV)/.runtime       ## the program in .venv
setup-test: $(VENV)/.test     ## and what the tests need

console: $(VENV)/.runtime     ## build the browser console
	$(BIN)/python scripts/build_console.py

run: $(VENV)/.runtime console ## serve the demonstration on http://127.0.0.1:8080
	LIANQIAO_MODE=demo LIANQIAO_HOME=$(DEMO) LIANQIAO_LOG_FORMAT=text $(BIN)/lianqiao serve --demo

demo: $(VENV)/.runtime        ## the story in the terminal
	$(BIN)/lianqiao demo

test: $(VENV)/.test console   ## everything but the long runs
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not deep" --ignore tests/browser
	$(BIN)/python -m pytest -q -m "not deep" tests/browser  # apart: its browser keeps an event loop running

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

rules: $(VENV)/.test          ## floors and rooms
	$(BIN)/lint-imports

check: lint types rules test  ## linters, types, import rules, tests

deep: $(VENV)/.test           ## mutation, large scales, kill storms
	$(BIN)/python -m pytest -q -m deep

bench: $(VENV)/.test          ## benchmarks; BENCH=name for one, SHORT=1 for three minutes
	$(BIN)/python -m bench $(BENCH) $(if $(SHORT),--short,)

clean:
	rm -rf $(VENV) .run build dist gateway/web/console/dist gateway/web/console/node_modules
