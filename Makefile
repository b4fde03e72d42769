# Everything starts here; `make help` lists the targets. Needs python3.11 or later, gcc and make, nothing else.
# One virtual environment (.venv) holds the locked tools and the built wheel. Suites run twice: interpreted from src,
# compiled from the installed wheel.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first interpreter that is recent enough, can make virtual environments and has its headers; else the first that is
# recent enough. The distribution's own goes first: it is built with profiles, those of version managers seldom are, and
# a cached answer costs 7 % less with it. (A version manager's shim may exist and yet not start.)
PYTHONS := /usr/bin/python3 python3.11 python3 python3.13 python3.12
COMPLETE := import ensurepip, os, sys, sysconfig; complete = os.path.exists(sysconfig.get_path("include") + "/Python.h")
BOOTSTRAP_PYTHON ?= $(shell for check in '$(COMPLETE)' 'import sys; complete = True'; do for python in $(PYTHONS); do \
	"$$python" -c "$$check; sys.exit(not complete or sys.version_info < (3, 11))" 2>/dev/null && command -v "$$python" && exit; \
	done; done)

VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?= -n 2
HOLDFAST_COMPILED ?= auto
export HOLDFAST_COMPILED

# Neither the caller's import path nor the caller's environment may decide which holdfast runs.
unexport PYTHONPATH
export PYTHONNOUSERSITE := 1

# Stamps carry the digest of what they were made from, so a second `make` does nothing and any change rebuilds.
digest = $(shell { find $(1) -type f -not -name '*.py[co]' -not -path '*.egg-info/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } \
	| sha256sum | cut -c1-16)
LOCKED := $(VENV)/.locked-$(call digest,requirements/dev.txt)
SOURCES := $(call digest,src setup.py pyproject.toml requirements/dev.txt bench/training.py)
PROFILED := $(VENV)/.installed-profile-$(SOURCES)
# Who asks for any compiled build is content with the profiled one if it is there.
INSTALLED := $(or $(and $(filter auto 1,$(HOLDFAST_COMPILED)),$(wildcard $(PROFILED))),$(VENV)/.installed-$(HOLDFAST_COMPILED)-$(SOURCES))

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

.PHONY: run
run: $(INSTALLED) ## Build, install and start the demo: a mini-Internet and the resolver on 127.0.0.1 port 5300
	@exec $(BIN)/holdfast demo

.PHONY: test
test: lint test-interpreted test-compiled ## Lint, then the whole suite twice: interpreted and compiled

.PHONY: lint
lint: $(LOCKED) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

.PHONY: test-interpreted
test-interpreted: $(LOCKED) ## The suite on the sources
	HOLDFAST_EXPECT=interpreted PYTHONPATH=$(CURDIR)/src $(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: test-compiled
test-compiled: $(INSTALLED) ## The suite on the compiled, installed wheel
	HOLDFAST_EXPECT=compiled $(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: bench
bench: $(PROFILED) ## Server CPU per query, side by side with the other resolvers installed here
	@$(BIN)/python -m bench $(BENCH_ARGS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## A million random, truncated and mutated packets against the engine
	@$(BIN)/python -m fuzz $(FUZZ_ARGS)

.PHONY: wheel
wheel: $(PROFILED) ## Build the wheel into dist/, profiled
	@ls dist/*.whl

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements/*.txt
	@rm -rf build/lock && "$(BOOTSTRAP_PYTHON)" -m venv build/lock
	build/lock/bin/pip install -q pip-tools==7.6.2 setuptools==84.2.1
	$(PIP_COMPILE) --extra api --extra dev --extra lab --extra test --output-file requirements/dev.txt pyproject.toml
	$(PIP_COMPILE) --constraint requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
	$(PIP_COMPILE) --constraint requirements/dev.txt --extra api --output-file requirements/api.txt pyproject.toml
	$(PIP_COMPILE) --constraint requirements/dev.txt --extra lab --output-file requirements/lab.txt pyproject.toml

# Hashes come from the public index only, and the lock names no host: where packages come from is each machine's choice.
PIP_COMPILE = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null build/lock/bin/pip-compile \
	--quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header --no-build-isolation \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

.PHONY: clean
clean: ## Remove everything that was built, the virtual environment included
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(LOCKED):
	@if [ -z "$(BOOTSTRAP_PYTHON)" ]; then echo "holdfast needs Python 3.11 or later (Debian 12: apt-get install python3)" >&2; exit 1; fi
	@[ -x $(BIN)/python ] || "$(BOOTSTRAP_PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "no virtual environment could be made (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "holdfast: installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@rm -f $(VENV)/.locked-* && touch $@

# mypyc's and gcc's output goes to a log; what matters of it, such as the notice of a pure Python build, is shown.
$(PROFILED): HOLDFAST_COMPILED := profile
$(sort $(INSTALLED) $(PROFILED)): $(LOCKED)
	@echo "holdfast: building the wheel (log: build/wheel.log)"
	@rm -rf build dist src/*.egg-info && mkdir -p build
	@$(BIN)/python -m build --wheel --no-isolation >build/wheel.log 2>&1 || { \
		grep -E '^holdfast:|error:' build/wheel.log || tail -n 30 build/wheel.log; exit 1; } >&2
	@grep '^holdfast:' build/wheel.log || true
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall dist/*.whl
	@rm -f $(VENV)/.installed-* && touch $@
