# One command each: `make demo` shows it, `make test` proves it. Needs Python 3.11 to 3.13 and the package index.
PYTHON ?= $(firstword $(foreach each,python3.13 python3.12 python3.11 python3,$(if $(shell $(each) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" 2>/dev/null && echo yes),$(each))))
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
unexport VIRTUAL_ENV  # another environment that happens to be active is not ours
ARTIFACTS := build/artifacts

.PHONY: demo lab test check bench conformance clean

demo: $(VENV)/.lab  ## run the first lesson headless and say where the page lies
	mkdir -p build/demo
	$(BIN)/kube-nb run notebooks/01-first-steps.ipynb --output build/demo/01-first-steps.ipynb
	$(BIN)/jupyter nbconvert --log-level=ERROR --to html --output-dir build/demo \
		--NbConvertBase.display_data_priority='["text/html", "image/svg+xml", "image/png", "text/plain"]' \
		build/demo/01-first-steps.ipynb  # pictures, not widgets that only a live kernel can draw
	@echo
	@echo "The lesson ran. Its rendered page: $(CURDIR)/build/demo/01-first-steps.html"

lab: $(VENV)/.lab  ## open JupyterLab on the lessons
	$(BIN)/kube-nb lab

test: $(VENV)/.test  ## run every test; those whose tool is missing are skipped by name
	mkdir -p $(ARTIFACTS)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup tests

check: $(VENV)/.test  ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

conformance: $(VENV)/.test  ## the official conformance tests: passed, failed and not yet per area
	$(BIN)/python -m tests.conformance -n $(WORKERS)

bench: $(VENV)/.test  ## every figure of the README, printed and written as JSON
	mkdir -p build
	$(BIN)/python -m tests.benchmarks --json build/bench.json

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed (set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.lab: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[lab]"
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[lab,docker,scale,test]"
	touch $@

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache
