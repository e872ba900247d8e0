# The two commands to remember: `make run` and `make test`. Both make .venv when it is absent.
#
#   make run PROFILE=ideo_quick STAGE=pipeline TRAIN_PROP=0.7 OVERRIDES="hardware.max_train_docs_spacy=1000"
#
# STAGE is `pipeline` (all of it) or prepare, train, evaluate, report. Values reach the program as
# they are written: they travel in the environment, and no shell reads them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

STAGE ?= pipeline
PROFILE ?= ideo_quick
TRAIN_PROP ?=
BALANCE ?=
MODELS ?=
OVERRIDES ?=
override STAGE := $(value STAGE)
override PROFILE := $(value PROFILE)
override TRAIN_PROP := $(value TRAIN_PROP)
override BALANCE := $(value BALANCE)
override MODELS := $(value MODELS)
override OVERRIDES := $(value OVERRIDES)
export STAGE PROFILE TRAIN_PROP BALANCE MODELS OVERRIDES

.PHONY: run test test-fast lint format bench soak mlflow viz clean help
.DEFAULT_GOAL := help

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

run: $(VENV)/run ## the ideo study on the embedded corpora, or PROFILE, STAGE, OVERRIDES
	@$(BIN)/python -m app.make

test: $(VENV)/dev ## every test
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not soak"

test-fast: $(VENV)/dev ## the tests that train nothing big and start no server
	@$(BIN)/python -m pytest -n 2 -m "not soak and not slow and not browser"

lint: $(VENV)/dev ## format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/dev ## rewrites the code as the formatter has it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev ## ratios against the named anchors, into benchmarks/results/
	$(BIN)/python benchmarks/prepare.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/durable.py
	$(BIN)/python benchmarks/grid.py
	$(BIN)/python benchmarks/voxels.py
	$(BIN)/python benchmarks/likelihood.py
	$(BIN)/python benchmarks/samplers.py
	$(BIN)/python benchmarks/chain_storage.py
	$(BIN)/python benchmarks/estimate.py

soak: $(VENV)/dev ## long random campaigns
	$(BIN)/python -m pytest -m soak

mlflow: $(VENV)/run ## the MLflow pages of the runs, at http://127.0.0.1:5000
	$(BIN)/python -m mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db

viz: $(VENV)/run ## the graph of the pipelines in a browser
	$(BIN)/kedro viz run

clean: ## removes the environment; data and runs stay
	rm -rf $(VENV)

$(VENV)/run: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[spacy,viz,volumes,sampling]'
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/run
