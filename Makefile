# Everything a newcomer needs; `make` alone lists it. Python 3.11 or newer and make are all that must be there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Other options for pytest: make test PYTEST_ARGS="tests/config"; -rs tells what was left out, and why
PYTEST_ARGS ?= -rs

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types architecture audit docs format clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## play the whole story on this machine: daemon, channels, supplier, customer (about a minute)
	@$(BIN)/syncd demo

test: $(INSTALLED) ## run every test
	@$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

check: lint types architecture audit ## lint, types, the rules of the house, known holes, and dependencies that fit together
	@$(BIN)/python -m pip --disable-pip-version-check check

lint: $(INSTALLED) ## look for mistakes and for layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(INSTALLED) ## check every type, strictly
	@$(BIN)/mypy

architecture: $(INSTALLED) ## check the rules of the house: pure files, one-way rooms, sizes, names
	@$(BIN)/python -m pytest tests/test_architecture.py tests/architecture

audit: $(INSTALLED) ## ask for known holes in what is pinned; says plainly when nobody could be asked
	@$(BIN)/python -m tests.audit

docs: $(INSTALLED) ## make the documents into pages, in site/
	@$(BIN)/python -m mkdocs build --strict --quiet
	@echo "The pages begin at site/index.html"

format: $(INSTALLED) ## put the layout right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove what these commands have made
	rm -rf $(VENV) site build dist demo-data *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing again only when what is needed has changed; an installation cut short leaves no stamp and is repeated.
$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "syncd needs Python 3.11 or newer and found $$($(PYTHON) -V 2>&1). With another one: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv"; \
	  exit 1; }
	@echo "Installing into $(VENV) (once; about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt -e '.[dev]'
	@touch $(INSTALLED)
