# Two commands on a fresh machine: `make demo` and `make test`.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= runs/demo
BASELINE ?= .ci/baseline.json

.PHONY: help test check demo gate baseline results docs clean

help:
	@echo "make demo   a learning curve of resolved tasks, on one HTML page ($(DEMO))"
	@echo "make test   linters, types, layers and all tests"
	@echo "make gate   the demo just made against $(BASELINE): fails on a regression"
	@echo "make baseline  keep the demo just made as the new $(BASELINE) and its digest as expected"
	@echo "make results  every result that README and docs quote, with the command that makes it"
	@echo "make docs   the documentation as a site (site/index.html); broken links are errors"
	@echo "make check  linters, types and layers only"
	@echo "make clean  remove the virtual environment and caches"

INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --editable

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found" >&2; exit 3; }
	@echo "Making a virtual environment in $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: pyproject.toml | $(BIN)/pip
	@echo "Installing SeqSWE and the packages that it needs into $(VENV): about 850 MB, some minutes, once."
	@$(INSTALL) .
	@touch $@

$(BIN)/.installed-dev: pyproject.toml | $(BIN)/pip
	@echo "Installing SeqSWE, its extras and the linters into $(VENV): a few minutes, once."
	@$(INSTALL) '.[dev]'
	@touch $(BIN)/.installed $@

$(BIN)/.installed-docs: pyproject.toml | $(BIN)/pip
	@$(INSTALL) '.[docs]'
	@touch $@

check: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -q -n auto --dist loadfile

demo: $(BIN)/.installed
	@rm -rf $(DEMO)
	@$(BIN)/seqswe demo --out $(DEMO)
	@$(BIN)/seqswe verify $(DEMO) || true

gate: $(BIN)/.installed
	$(BIN)/seqswe compare $(BASELINE) $(DEMO) --fail-on regression \
		--candidate "$$(git describe --always --dirty 2>/dev/null)" \
		--markdown $(DEMO)/comparison.md --junit $(DEMO)/comparison.xml

baseline: $(BIN)/.installed
	@$(BIN)/seqswe baseline $(DEMO) > $(DEMO)/baseline.json
	cp $(DEMO)/baseline.json $(BASELINE)
	$(BIN)/python -m benchmarks.results keep $(DEMO)

results: $(BIN)/.installed
	@$(BIN)/python -m benchmarks.results list

docs: $(BIN)/.installed-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --config-file .ci/mkdocs.yml
	@echo site/index.html

clean:
	rm -rf site $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
