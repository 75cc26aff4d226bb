# Every command installs what is missing. Paths are relative, so a folder with a space in its name works.
.DEFAULT_GOAL := help
.PHONY: help python setup serve dev test check reference equivalence odd-rows format lint types contracts schema docs lock browser chaos bench bench-scale bench-events abuse clean pre-commit
# Supported versions of Python, newest first; PYTHON=... chooses another interpreter.
VERSIONS := 3.15 3.14 3.13 3.12 3.11
SUPPORTED := The gateway needs Python $(lastword $(VERSIONS)) to $(firstword $(VERSIONS))
PYTHON ?= $(shell for each in $(VERSIONS:%=python%) python3; do \
	"$$each" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] not in "$(VERSIONS)".split())' 2>/dev/null && echo "$$each" && break; done)
VENV ?= .venv
RUN := $(VENV)/bin/python -m
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input

# Test files are distributed over AT_ONCE processes.
AT_ONCE ?= 2
TESTS := pytest -n $(AT_ONCE) --dist loadfile

# Flags of the benchmarks whose variable, in upper case, is set.
given = $(foreach each,$(1),$(if $($(call upper,$(each))),--$(each) "$($(call upper,$(each)))"))
upper = $(shell echo $(1) | tr a-z A-Z)

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

python: # Refuse an unsupported Python at once
ifeq ($(origin PYTHON),file)
	@test -x $(VENV)/bin/python || test -n "$(PYTHON)" || { echo "$(SUPPORTED); none is on the PATH. Set PYTHON=/path/to/python3." >&2; exit 2; }
else
	@version=$$("$(PYTHON)" -c 'import sys; print("Python %d.%d" % sys.version_info[:2])' 2>/dev/null); case " $(VERSIONS) " in \
		*" $${version#Python } "*) ;; \
		*) echo "$(SUPPORTED), but PYTHON=$(PYTHON) is $${version:-not a working Python}." >&2; exit 2;; esac
endif

$(VENV)/ready: requirements.txt pyproject.toml | python
	@test -x $(VENV)/bin/python || "$(PYTHON)" -m venv $(VENV) || { echo "Python's venv module is missing: on Debian, apt-get install $(notdir $(PYTHON))-venv." >&2; rm -rf $(VENV); exit 2; }
	@echo "Installing the gateway's dependencies into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	@echo "Installing the dependencies of tests and checks into $(VENV) ..."
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(VENV)/ready ## Create .venv with .venv/bin/gateway

serve: $(VENV)/ready ## Serve the demo marketplace on http://127.0.0.1:8000/graphql
	@$(RUN) gateway serve

dev: $(VENV)/ready ## Serve the demo marketplace and restart when the code changes
	@$(RUN) gateway serve --reload

pre-commit: $(VENV)/ready-dev ## Install the checks of each commit as a Git hook
	@$(RUN) pre_commit install

test: $(VENV)/ready-dev ## Run the tests (Python only: no Node, no browser)
	@$(RUN) $(TESTS) -m "not browser and not node and not large"

check: $(VENV)/ready-dev format lint types contracts browser ## Run what CI runs: format, style, types, contracts, all tests, both executors
	@$(RUN) $(TESTS) --cov --cov-report=term
	@$(MAKE) --no-print-directory reference

# Tests that compare both executors, or do not depend on the executor, run once only. Mutations are always executed by
# graphql-core.
SAME := $(addprefix --ignore=tests/,system/chaos auth demo graphiql benchmarks cli config fairness marketplace rate_limits \
	rest_api docs/test_over_waldur_page.py \
	support $(addprefix db/,admin driver events installation tables) resolvers/mutations server/test_supervisor.py \
	transports/test_uvicorn_internals.py $(addprefix execution/,test_executor_equivalence.py \
	test_executor_generated_documents.py planner/test_compile_whole_schema.py test_executor_odd_rows.py \
	test_subscription_equivalence.py)) --ignore-glob='tests/resolvers/test_mutation_*'

reference: $(VENV)/ready-dev ## Run the tests once more with graphql-core instead of compiled plans
	@GATEWAY_EXECUTION=reference $(RUN) $(TESTS) -m "not browser and not node and not large" $(SAME)

equivalence: $(VENV)/ready-dev ## Compare both executors on 2,100 generated documents (EQUIVALENCE_SEED=n for others)
	@EQUIVALENCE_PARTS=35 $(RUN) pytest -rP tests/execution/test_executor_generated_documents.py

odd-rows: $(VENV)/ready-dev ## Store odd values in all columns, and compare both executors (ODD_ROWS_SEED=n)
	@ODD_ROWS=all $(RUN) $(TESTS) --dist load -rP tests/execution/test_executor_odd_rows.py

format: $(VENV)/ready-dev ## Check the format (FIX=1 to rewrite)
	@$(RUN) ruff format $(if $(FIX),,--check) .

lint: $(VENV)/ready-dev ## Check the style (FIX=1 to fix what can be fixed)
	@$(RUN) ruff check $(if $(FIX),--fix,) .

types: $(VENV)/ready-dev ## Check the types
	@$(RUN) mypy

contracts: $(VENV)/ready-dev ## Check the import contracts
	@$(VENV)/bin/python -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'

schema: $(VENV)/ready ## Write schema.graphql
	@$(RUN) gateway schema > schema.graphql

docs: $(VENV)/ready-dev ## Write docs/rest-to-graphql.md and the responses in docs/schema.md
	@$(RUN) tools.rest_to_graphql
	@$(RUN) tools.tour

browser: ## Install a Chromium for the browser tests
	@sh tools/chromium.sh

chaos: $(VENV)/ready-dev ## Run the chaos tests with 200 subscribers, 10 minutes at most (SOCKETS=200)
	@CHAOS_SOCKETS=$(or $(SOCKETS),200) timeout 600 $(RUN) pytest -rP tests/system/chaos

bench: $(VENV)/ready-dev ## Compare the gateway with its peers (QUERIES=q1,q4 PEERS=postgraphile SECONDS=3 ROUNDS=1)
	@sh tools/wrk.sh
	@$(RUN) benchmarks $(call given,queries connections peers plans rounds seconds warmup resources output)

bench-scale: $(VENV)/ready-dev ## Measure how response times grow with the marketplace (SIZES=10000,100000,1000000)
	@sh tools/wrk.sh
	@$(RUN) benchmarks.scale $(call given,sizes rounds seconds output)

bench-events: $(VENV)/ready-dev ## Measure the latency of events (SOCKETS=1000 EVENTS=1000 RATE=20)
	@$(RUN) benchmarks.events $(call given,sockets events rate queue resources output)

abuse: $(VENV)/ready-dev ## Measure what hostile documents and clients cost (ROUNDS=3 SECONDS=3 CLIENTS=4)
	@$(RUN) benchmarks.abuse $(call given,rounds output)
	@$(RUN) benchmarks.stalls $(call given,seconds clients only resources)

lock: ## Lock the dependencies (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header --extra setup pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --no-header --extra setup --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## Remove .venv and caches, but not the demo's data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage*
