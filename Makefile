# Everything a clone needs: `make up` runs rowlock, `make test` proves it. `make help` lists the rest.
# All targets share one environment, .venv: `up` installs what rowlock needs, the others add the tools.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# One more than the cores of a small machine: some tests wait, for leases to run out or servers to come back.
PYTEST_WORKERS ?= 3
HISTORIES ?= 200
SEED ?= 1
POSTGRES_VERSIONS ?= 15 16 17 18
EXAMPLES ?= 1000
RUNS ?= 3
SCALE ?= full
PEERS_FOLDER := benchmarks/.peers

# Somebody else's Python settings must not leak into our environment.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV
export PIP_ROOT_USER_ACTION := ignore
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# A cache below a home that cannot be written would only make pip complain.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
endif
PIP_INSTALL = $(BIN)/python -m pip install --quiet --constraint constraints.txt

# A venv knows its folder by its absolute path, so one that was copied or moved here is made anew.
ifneq ($(shell test -x $(BIN)/python && cat $(VENV)/.folder 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.folder
endif

.PHONY: help up test test-model test-faults test-schedules test-lowest coverage lint format ci test-matrix bench bench-peers bench-report bench-expectations constraints wheel clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

up: $(VENV)/.runtime ## Run PostgreSQL, API, scheduler and a worker; ARGS="--port 8700" passes flags on
	@exec $(BIN)/rowlock up $(ARGS)

test: $(VENV)/.development ## Run all tests; ARGS="-k lease" passes flags to pytest
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(ARGS) tests

lint: $(VENV)/.development ## Check style, format, types and the rooms' boundaries
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.development ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

ci: lint test ## What must pass before a change goes in

test-matrix: $(VENV)/.development ## Run the store's and the engine's tests on PostgreSQL 15 to 18
	$(BIN)/python -m tests.harness.matrix $(POSTGRES_VERSIONS)

test-model: $(VENV)/.development ## Hold the engine to its reference model in EXAMPLES=1000 new histories
	ROWLOCK_MODEL_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest $(ARGS) tests/model

test-faults: $(VENV)/.development ## Break it 200 times (most of an hour); HISTORIES=, SEED=; ONLY=17 replays one seed
	$(if $(ONLY),,$(BIN)/python -m pytest -m faults -n $(PYTEST_WORKERS) tests)
	$(BIN)/python -m tests.harness.nemesis $(if $(ONLY),--only $(ONLY),--histories $(HISTORIES) --seed $(SEED)) \
		$(if $(SHORT),--short)

test-schedules: $(VENV)/.development ## Kill, freeze and cut off leading schedulers for five minutes, counting windows; SEED=1
	$(BIN)/python -m tests.harness.storm --seed $(or $(SEED),1) $(ARGS)

test-lowest: $(VENV)/.development ## Try it with the lowest versions of what it needs
	$(BIN)/python -m tests.harness.lowest

coverage: $(VENV)/.development ## Measure all tests; fails below 100 % of the domain's branches and 90 % of the rest
	$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal --cov --cov-report= $(ARGS) tests
	$(BIN)/python -m coverage report --fail-under=90 --omit='*/rowlock/domain/*'
	$(BIN)/python -m coverage report --fail-under=100 --include='*/rowlock/domain/*'

bench: $(VENV)/.development ## Measure rowlock; RUNS=5, SCALE=quick or long, CASES="drain pickup" choose
	$(BIN)/python -m benchmarks $(CASES) --runs $(RUNS) --scale $(SCALE)

bench-peers: $(VENV)/.development $(PEERS_FOLDER)/.installed ## Measure it beside others; PEERS="PgQueuer,Awa" chooses
	$(BIN)/python -m benchmarks $(CASES) --peers $(if $(PEERS),--only "$(PEERS)") --runs $(RUNS) --scale $(SCALE)

bench-report: $(VENV)/.development ## Write what was measured into docs/performance.md
	@$(PIP_INSTALL) --editable '.[bench]'
	$(BIN)/python -m benchmarks.report

bench-expectations: $(VENV)/.development ## Write anew what a task may cost, by count
	$(BIN)/python -m benchmarks.expectations

constraints: ## Pin the newest versions of everything that is installed (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 pyproject.toml --all-extras -o constraints.txt

wheel: $(VENV)/.development ## Build the wheel into dist
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## Remove the environment, builds and caches; your data in .rowlock stays
	rm -rf $(VENV) $(PEERS_FOLDER) dist build .coverage .coverage.* .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests migrations examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.folder:
	@for python in python3 python3.13 python3.12 python3.11 ''; do \
		"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ -z "$$python" ]; then \
		echo "rowlock needs Python 3.11 or newer with venv, as python3 or python3.11 to python3.13 on PATH." \
			"Install one (on Debian and Ubuntu: apt install python3 python3-venv) and run make again." >&2; \
		exit 1; \
	fi; \
	echo "Making the environment $(VENV) with $$($$python --version) (once)"; \
	rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@printf '%s' "$(CURDIR)" > $@

$(VENV)/.runtime: $(VENV)/.folder pyproject.toml constraints.txt
	@echo "Installing rowlock and what it needs (once; about half a minute)"
	@$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	@echo "Installing the tools of development (once; about a minute)"
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch $@
$(PEERS_FOLDER)/.installed: $(VENV)/.folder $(addprefix benchmarks/peers/,requirements.txt package.json package-lock.json)
	@command -v npm >/dev/null || { echo "The peers need npm: install Node.js, and run make again." >&2; exit 1; }
	@echo "Installing the peers into $(PEERS_FOLDER) (once; about two minutes)"
	@rm -rf $(PEERS_FOLDER) && mkdir -p $(PEERS_FOLDER)/node
	@$(BIN)/python -m venv $(PEERS_FOLDER)/python
	@$(PEERS_FOLDER)/python/bin/python -m pip install --quiet --requirement benchmarks/peers/requirements.txt
	@cp benchmarks/peers/package.json benchmarks/peers/package-lock.json $(PEERS_FOLDER)/node
	@cd $(PEERS_FOLDER)/node && npm ci --silent --no-audit --no-fund && ln -s ../../peers programs
	@touch $@
