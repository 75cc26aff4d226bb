# Every command sets up what is missing. Paths are relative, so a folder with a space in its name works.
.DEFAULT_GOAL := help
.PHONY: help setup serve test check reference truth format lint types contracts schema docs lock browser chaos bench bench-scale bench-events clean
# The first Python that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$each" && break; done)
VENV ?= .venv
RUN := $(VENV)/bin/python -m
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input

# Tests of one file run in one process, those of others beside it; AT_ONCE=1 has one process only.
AT_ONCE ?= 2
TESTS := pytest -n $(AT_ONCE) --dist loadfile

# Those of the named flags whose variable, in upper case, was given to make.
given = $(foreach each,$(1),$(if $($(call upper,$(each))),--$(each) "$($(call upper,$(each)))"))
upper = $(shell echo $(1) | tr a-z A-Z)

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

$(VENV)/ready: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "The gateway needs Python 3.11, 3.12 or 3.13; none is on the PATH. Set PYTHON=/path/to/python3." >&2; exit 2; }
	@test -x $(VENV)/bin/python || "$(PYTHON)" -m venv $(VENV) || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv." >&2; rm -rf $(VENV); exit 2; }
	@echo "Installing what the gateway needs into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	@echo "Installing what tests and checks need into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/ready ## Make .venv with .venv/bin/gateway

serve: $(VENV)/ready ## Serve the demo marketplace on http://127.0.0.1:8000/graphql
	@$(RUN) gateway serve

test: $(VENV)/ready-dev ## Pass the tests (Python only: no Node, no browser)
	@$(RUN) $(TESTS) -m "not browser and not node and not large"

check: $(VENV)/ready-dev format lint types contracts browser ## What CI runs: format, style, types, contracts, all tests, both executions
	@$(RUN) $(TESTS) --cov --cov-report=term
	@$(MAKE) --no-print-directory reference

# What compares both executions, or is not about how things are executed, need not run once more.
SAME := $(addprefix --ignore=tests/,system/chaos demo graphiql benchmarks $(addprefix execution/, \
	test_executor_equivalence.py test_executor_generated_documents.py planner/test_compile_whole_schema.py \
	test_subscription_equivalence.py))

reference: $(VENV)/ready-dev ## Pass the tests once more with graphql-core in place of compiled plans
	@GATEWAY_EXECUTION=reference $(RUN) $(TESTS) -m "not browser and not node and not large" $(SAME)

truth: $(VENV)/ready-dev ## Compare both executions on 2,100 generated documents (TRUTH_SEED=n for others)
	@TRUTH_PARTS=7 $(RUN) pytest -rP tests/execution/test_executor_generated_documents.py

format: $(VENV)/ready-dev ## Check the format (`make format FIX=1` mends it)
	@$(RUN) ruff format $(if $(FIX),,--check) .

lint: $(VENV)/ready-dev ## Check the style (`make lint FIX=1` mends what it can)
	@$(RUN) ruff check $(if $(FIX),--fix,) .

types: $(VENV)/ready-dev ## Check the types
	@$(RUN) mypy

contracts: $(VENV)/ready-dev ## Check that imports only go down
	@$(VENV)/bin/python -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'

schema: $(VENV)/ready ## Print schema.graphql anew
	@$(RUN) gateway schema > schema.graphql

docs: $(VENV)/ready-dev ## Write docs/rest-to-graphql.md and the answers in docs/schema.md anew
	@$(RUN) tools.rest_to_graphql
	@$(RUN) tools.tour

browser: ## See to it that there is a Chromium for the browser tests
	@sh tools/chromium.sh

chaos: $(VENV)/ready-dev ## Break things under 200 subscribers, within 10 minutes (SOCKETS=200)
	@CHAOS_SOCKETS=$(or $(SOCKETS),200) timeout 600 $(RUN) pytest -rP tests/system/chaos

bench: $(VENV)/ready-dev ## Measure the gateway beside its peers (QUERIES=q1,q4 PEERS=postgraphile SECONDS=3 ROUNDS=1)
	@sh tools/wrk.sh
	@$(RUN) benchmarks $(call given,queries connections peers plans rounds seconds warmup resources output)

bench-scale: $(VENV)/ready-dev ## Measure how the gateway's times grow (SIZES=10000,100000,1000000)
	@sh tools/wrk.sh
	@$(RUN) benchmarks.scale $(call given,sizes rounds seconds output)

bench-events: $(VENV)/ready-dev ## Measure how soon subscribers are told of changes (SOCKETS=1000 EVENTS=1000 RATE=20)
	@$(RUN) benchmarks.events $(call given,sockets events rate queue resources output)

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header --extra setup pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header --extra setup --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## Remove .venv and caches (not the demo's data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage*
