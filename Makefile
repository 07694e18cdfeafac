# Everything a fresh Debian or Ubuntu with Python 3.11 or newer needs is `make test` or `make demo`.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
LOCKED := .venv/locked
READY := .venv/ready
CODE := $(wildcard autoscaler tests bench deploy/demo)
WORKERS ?= 2
MUTATION := .venv-mutation
CORE := decide strategies healing
CORE_TESTS := tests/unit/core tests/unit/strategies tests/unit/healing
SEEDS ?= 24
HALF_DAYS ?= 24
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.DEFAULT_GOAL := help
.PHONY: help venv tools lint types contracts check unit mutation simulation conformance e2e test \
	demo lock clean

help: ## print this list
	@sed -n 's/^\([a-z0-9]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '  %-12s %s\n' "$$target" "$$text"; done

venv: $(READY) ## make .venv from the locked requirements

# Made anew, not amended, when the lock changed: what a lock no longer names must be gone.
$(LOCKED): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed' >&2; exit 1; }
	PYTHON=$(PYTHON) deploy/install-tools python
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# The package's own entry points are read when it is installed.
$(READY): $(LOCKED) pyproject.toml
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

tools: ## install the system packages that the end-to-end tests and the demo use
	PYTHON=$(PYTHON) deploy/install-tools

lint: venv ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## mypy --strict
	$(BIN)/mypy $(CODE)

contracts: venv ## import-linter: who may import whom
	$(BIN)/lint-imports --no-cache

check: lint types contracts ## lint, types and contracts

# Lines and branches are counted together, and one in five is a branch: no more than 2 % of the
# branches can be missing. Only tests of the packages themselves count, and only they are traced.
unit: venv ## the quick tests, which need nothing but Python; they take each branch of what decides
	$(BIN)/pytest -n $(WORKERS) -m 'not swarm and not slow' $(CORE_TESTS:%=--ignore=%)
	$(BIN)/pytest -n $(WORKERS) -m 'not swarm and not slow' $(CORE_TESTS) \
		$(CORE:%=--cov=autoscaler.%) --cov-branch --cov-precision=1 --cov-fail-under=99.6

# Not a part of `test`: it takes long, and what it says is for those who write tests.
mutation: $(MUTATION)/ready ## which mistakes in what decides its tests do not find [MODULES=decide.pace]
	nice $(MUTATION)/bin/python -m bench.mutation --workers $(WORKERS) $(MODULES)

$(MUTATION)/ready: requirements/dev.txt requirements/mutation.txt pyproject.toml
	PYTHON=$(PYTHON) deploy/install-tools python
	$(PYTHON) -m venv --clear $(MUTATION)
	$(MUTATION)/bin/python -m pip install --quiet --require-hashes \
		-r requirements/dev.txt -r requirements/mutation.txt
	$(MUTATION)/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

simulation: venv ## the whole product in virtual time: SEEDS clusters with faults, HALF_DAYS of others
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)
	$(BIN)/python -m tests.simulation --long --seeds $(HALF_DAYS)

conformance: venv ## the cases of others in the folder AUTOSCALER_CONFORMANCE_DATA: N of M per kind
	$(BIN)/python -m tests.conformance

# A real engine has moods that are not ours: a test may try twice more, and the summary says which.
e2e: tools venv ## the slow tests, and those on a private Swarm, Prometheus and Alertmanager
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m 'swarm or slow' --require-swarm --reruns 2 -rR

test: tools check unit simulation $(if $(AUTOSCALER_CONFORMANCE_DATA),conformance) e2e ## everything

demo: tools venv ## a private Swarm under load, scaled and healed before your eyes
	$(BIN)/python -m deploy.demo

lock: venv ## resolve the requirements anew
	$(COMPILE) --upgrade -o requirements/run.txt pyproject.toml
	$(COMPILE) --upgrade -o requirements/build.txt requirements/build.in
	$(COMPILE) --upgrade -o requirements/dev.txt -c requirements/run.txt -c requirements/build.txt \
		--extra plot pyproject.toml requirements/build.in requirements/dev.in
	$(COMPILE) --upgrade -o requirements/mutation.txt -c requirements/dev.txt requirements/mutation.in

clean: ## remove what was made here
	rm -rf .venv $(MUTATION) .mutation build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		.coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
