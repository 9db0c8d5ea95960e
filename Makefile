# `make` prints help. Each target sets up what it needs; nothing outside this folder is changed.
# Written for GNU make 3.81, which macOS still ships.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test lint types browser translations lock clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

export HOST PORT DATA_DIR

help: ## Print this help
	@echo 'Usage: make TARGET'
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  \1|/' | awk -F'|' '{printf "%-13s %s\n", $$1, $$2}'
	@echo ''
	@echo 'Examples: make run PORT=8001 DATA_DIR=/tmp/shop    make test STRICT=1'

run: $(VENV)/.stamp-run ## Start with demo data (HOST, PORT and DATA_DIR can be set)
	@ALLOW_HTTP=yes exec $(BIN)/clienteling run --demo

test: $(VENV)/.stamp-dev ## Lint, types, import rules and all tests (STRICT=1: leave nothing out)
	@BIN=$(BIN) STRICT=$(STRICT) sh tests/run.sh

lint: $(VENV)/.stamp-dev ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.stamp-dev ## Check types and the layers
	$(BIN)/mypy
	$(BIN)/lint-imports

browser: $(VENV)/.stamp-dev ## Walk the pages in Chromium
	$(BIN)/python -m pytest --browser-tests tests/browser

translations: $(VENV)/.stamp-dev ## Collect the texts of the pages, and compile the languages
	$(BIN)/pybabel -q extract -F app/translations/babel.cfg -k N_ -k lazy_gettext --no-location --sort-output --omit-header \
	  -o .texts.pot .
	$(BIN)/pybabel -q update -i .texts.pot -d app/translations --no-fuzzy-matching --ignore-obsolete \
	  --ignore-pot-creation-date --width 100
	$(BIN)/pybabel -q compile -d app/translations
	@rm .texts.pot

lock: $(VENV)/.stamp-dev ## Choose the newest allowed versions and write requirements*.txt
	$(PIP) install uv
	$(BIN)/uv pip compile -q pyproject.toml --group build --universal --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --upgrade -o requirements.txt
	$(BIN)/uv pip compile -q pyproject.toml --group build --group dev --universal --generate-hashes \
	  --no-emit-index-url --python-version 3.11 -c requirements.txt --upgrade -o requirements-dev.txt

clean: ## Remove the environment and caches; the data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov

# The newest Python that is new enough and can make environments, or one line saying what is missing.
$(VENV)/bin/python:
	@for name in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	  if command -v $$name >/dev/null 2>&1 \
	    && $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$name; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo 'Python 3.11 or newer with venv is missing. Install it (Debian: apt install python3-venv; macOS: brew install python).' >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$found (once, about a minute) ..."; \
	$$found -m venv $(VENV)

# The lock names everything, so nothing is resolved anew: older pips would reach for a newer `name[extra]`.
$(VENV)/.stamp-run: requirements.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) install --no-deps --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@$(BIN)/python -m compileall -q app
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.txt $(VENV)/.stamp-run
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.txt
	@touch $@
