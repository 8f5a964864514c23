# Every target does its own set-up. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Tests start the operator and the command line hundreds of times; without kept bytecode each start compiles them anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PYTEST := $(BIN)/pytest
# The chassis and the services that stand on it, each a project of its own
EXAMPLES := $(sort $(patsubst %/pyproject.toml,%,$(wildcard examples/*/pyproject.toml)))
EXAMPLE = hack/uv run --frozen --directory
CLUSTER ?= dev
# How many plans of each scenario `make test-faults` runs against the operator's process; 0 is all of them
AT_MOST ?= 0
PROVIDER ?= auto
N ?= 500
ROUNDS ?= 3
# More arguments for pytest, or a bench: make test-unit ARGS="-k release"
ARGS ?=

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 20

.PHONY: setup
setup: ## Make .venv what uv.lock says (every target does this)
	@hack/setup

## Try it

.PHONY: demo
demo: setup ## A cluster, the operator, the shop, and an order that is paid and delivered; DEMO=full: all five services
	@PYTHONPATH=hack $(BIN)/python -m demo up $(if $(filter full,$(DEMO)),--full)

.PHONY: demo-down
demo-down: setup ## Remove what `make demo` made
	@PYTHONPATH=hack $(BIN)/python -m demo down

## Tests

.PHONY: test
test: test-unit test-examples test-integration test-faults-part test-e2e ## All tests; of the faults a part

.PHONY: test-unit
test-unit: setup ## Pure and fast; full branch coverage of engine and render is required
	$(PYTEST) tests/unit -n auto --cov --cov-report=term $(ARGS)

# Two at a time: they wait for what they start and stop more than they compute
.PHONY: test-examples
test-examples: setup ## The chassis's, the services' and new services' own tests, against real backing services
	$(EXAMPLE) examples/chassis python -m chassis_testing.install
	@$(MAKE) --jobs=2 --output-sync=target $(EXAMPLES:%=test-in/%) test-templates

.PHONY: test-templates $(EXAMPLES:%=test-in/%)
test-templates:
	$(PYTEST) tests/examples $(ARGS)

$(EXAMPLES:%=test-in/%): test-in/%:
	$(EXAMPLE) $* pytest $(ARGS)

.PHONY: test-integration
test-integration: setup binaries ## Against a real etcd and API server
	$(PYTEST) tests/integration -n 2 --dist loadfile --durations=15 --durations-min=5 $(ARGS)

.PHONY: test-faults-part
test-faults-part: setup binaries ## A part of test-faults, the same each time; FAULTS_SEED=2 chooses another
	$(PYTEST) tests/faults -n 2 --dist worksteal $(ARGS)

.PHONY: test-faults
test-faults: setup binaries ## Every fault in every scenario, a kill at every write (AT_MOST=20: so many of each), and all the chaos; writes docs/reliability.md
	FAULTS=all FAULTS_AT_MOST=$(AT_MOST) $(PYTEST) tests/faults -n 2 --dist worksteal $(ARGS)
	FAULTS=all $(PYTEST) tests/e2e/chaos tests/e2e/shop $(ARGS)

.PHONY: test-e2e
test-e2e: setup binaries ## Real pods on a real node
	$(PYTEST) tests/e2e --durations=15 --durations-min=5 $(ARGS)

.PHONY: golden
golden: setup ## Rewrite golden files, and what the template owns of the examples; look at the difference
	$(PYTEST) tests/unit/render tests/unit/cli -q --golden=write $(ARGS)

## Before a commit

.PHONY: check
check: check-code check-generated check-chart docs ## Lint, types, layers, generated files in step, chart, documentation

.PHONY: check-code
check-code: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	set -x; for each in $(EXAMPLES); do $(EXAMPLE) $$each mypy; done
	$(EXAMPLE) examples/order mypy ../../hack/demo/call.py ../../tests/e2e/operator/load.py
	$(EXAMPLE) examples/payment mypy ../../tests/e2e/shop/load.py
	$(EXAMPLE) examples/user mypy ../../hack/demo/create_user.py ../../tests/e2e/shop/sessions.py ../../tests/e2e/shop/users.py

.PHONY: check-generated
check-generated: setup
	$(BIN)/python -m delivery_operator.api.generate --check
	PYTHONPATH=hack $(BIN)/python -m docs --check
	hack/uv lock --check
	set -x; for each in $(EXAMPLES); do hack/uv lock --check --directory $$each; done

.PHONY: check-chart
check-chart: setup binaries
	hack/helm lint --strict charts/delivery-operator
	hack/helm template delivery-operator charts/delivery-operator --namespace delivery-system >/dev/null

.PHONY: format
format: setup ## Format the code and fix what a tool can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: generate
generate: setup ## Write the CRDs from the models, and the reference pages from the code
	$(BIN)/python -m delivery_operator.api.generate
	PYTHONPATH=hack $(BIN)/python -m docs

## Documentation

.PHONY: docs
docs: setup ## Build the documentation's site into build/site; a warning fails it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

.PHONY: docs-serve
docs-serve: setup ## Show the site on http://127.0.0.1:8000 while you write
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

## Development

.PHONY: bench
bench: setup binaries ## The budgets of the operator, on a control plane: N=500 services; PROFILE=1 for a profile of it
	@PYTHONPATH=hack:. $(BIN)/python -m bench --services $(N) $(if $(PROFILE),--profile)

.PHONY: bench-cli
bench-cli: setup ## How long the commands that need no cluster take, as ratios to the interpreter alone
	@PYTHONPATH=hack $(BIN)/python -m bench.cli

.PHONY: bench-order
bench-order: setup ## The order service beside itself without pool, prepared statements and batches: ROUNDS=3
	$(EXAMPLE) examples/order python -m chassis_testing.install postgresql kafka ghz
	@$(EXAMPLE) examples/order python -m bench --rounds $(ROUNDS) --out $(CURDIR)/build/bench-order.json $(ARGS)

.PHONY: run
run: setup ## Run the operator here against $KUBECONFIG, or the cluster of `make cluster-up`
	@hack/run-operator $(CLUSTER)

.PHONY: cluster-up
cluster-up: setup ## Start a cluster (CLUSTER=dev, PROVIDER=auto, node, control-plane, kind or existing)
	@$(BIN)/devcluster up --name $(CLUSTER) --provider $(PROVIDER)

.PHONY: cluster-down
cluster-down: setup ## End it
	@$(BIN)/devcluster down --name $(CLUSTER)

.PHONY: cluster-status
cluster-status: setup ## Say what runs
	@$(BIN)/devcluster status

.PHONY: binaries
binaries: setup
	@$(BIN)/devcluster build
