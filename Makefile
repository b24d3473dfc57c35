# `make` lists the targets. PYTHON=python3.12 chooses the interpreter of a new .venv; ARGS goes to the command.
PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-quick lint bench report demo usual-way chaos stress soak mutants model simulate fuzz check-lab \
	hosts-test host host-upgrade host-status host-manage host-renew clean requirements requirements-dev
.DELETE_ON_ERROR:

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

run: requirements ## Run the whole store; Ctrl-C stops it (FRONTS=2 runs two fronts)
	@exec env BOOKSTORE_BREAKABLE="$${BOOKSTORE_BREAKABLE:-loopback}" \
		$(if $(FRONTS),BOOKSTORE_FRONTS="$(FRONTS)") $(PY) manage.py cluster

test: requirements-dev ## Run all tests but hosts-test (ARGS="-k purchase" chooses, ARGS="-n0" runs them one by one)
	@exec $(PY) -m tests.both_engines $(ARGS)

test-quick: requirements-dev ## Run the tests that start no other process, and those of one whole store
	@exec $(PY) -m pytest -n3 --no-loadscope-reorder --quick $(ARGS)

lint: requirements-dev ## Check style, types, the direction of imports, and that no migration is missing
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	.venv/bin/lint-imports
	BOOKSTORE_DATA=.venv/lint $(PY) manage.py makemigrations --check --dry-run

bench: requirements-dev ## Measure speed, as ratios (QUICK=1; ARGS="--help" for options)
	@exec $(PY) -m benchmarks $(if $(QUICK),--quick) $(ARGS)

report: requirements-dev ## Measure the store, draw it, and write report/index.html (QUICK=1; RATINGS=FILE SEED=1; ARGS="--help")
	@exec $(PY) -m benchmarks.report $(if $(QUICK),--quick) $(if $(RATINGS),--ratings "$(RATINGS)") \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

demo: requirements ## Show what the store promises, step by step, on a store of its own (under a minute)
	@exec $(PY) -m demo $(ARGS)

usual-way: requirements-dev ## Have the usual way and this store sell under the same kills, and count what each loses (SECONDS=12)
	@exec $(PY) -m benchmarks.losses $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

chaos: requirements-dev ## Break a store at random, and check all its answers (SECONDS=60 SEED= FAULTS=; ARGS="--help" lists them)
	@exec $(PY) -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(FAULTS),--faults $(FAULTS)) $(ARGS)

stress: requirements-dev ## Read and write on a bad network, and check that no read is stale (SECONDS=60 SEED=; ARGS="--help")
	@exec $(PY) -m tests.stress $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: requirements-dev ## Send nodes new requests all the time, and check that their memory stays flat (SECONDS=60)
	@exec $(PY) -m tests.soak $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

mutants: requirements-dev ## Break each promise of the protocols on purpose, and check that a test fails (ONLY="lease" chooses by name)
	@exec $(PY) -m tests.mutants $(if $(ONLY),--only "$(ONLY)") $(ARGS)

model: requirements-dev ## Try all orders of all steps of the protocol, as a small model (QUICK=1: ten seconds)
	@exec $(PY) -m tests.model $(if $(QUICK),--quick) $(ARGS)

simulate: requirements-dev ## Replay a whole store, faults and all, from a seed (SEED=1 OPERATIONS=1000 SEEDS=1 FAULTS= REPLAY= MINUTES=; docs/simulation.md)
	@exec $(PY) -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(OPERATIONS),--operations $(OPERATIONS)) \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(FAULTS),--faults $(FAULTS)) $(if $(REPLAY),--replay $(REPLAY)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

fuzz: requirements-dev ## Send what the schema allows and forbids, and check the answers (SECONDS=120 SEED=1; ARGS="--help")
	@exec $(PY) -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

check-lab: requirements-dev ## Say whether the task of a lab of the course is solved (N=3; docs/course)
	@exec $(PY) -m tests.course $(N) $(ARGS)

hosts-test: requirements-dev ## Bring up three hosts in network namespaces, kill one, cut one off, and check all answers (needs root)
	@exec $(PY) -m tests.hosts $(ARGS)

# With the machine's Python: what installs the libraries needs none.
host: ## Make this machine one of three hosts (sudo make host HOST=1 HOSTS=a,b,c SECRETS=FILE; docs/three-hosts.md)
	@exec $(PYTHON) -B -m deploy.hosts make --host "$(HOST)" --hosts "$(HOSTS)" $(if $(SECRETS),--secrets "$(SECRETS)")

host-upgrade: ## Give this host's nodes of the store other code, while the other host serves (sudo; VERSION=origin/main)
	@exec $(PYTHON) -B -m deploy.hosts upgrade "$(VERSION)"

host-status: ## Say what is well with the three hosts and what isn't (sudo; exit status 1 if something isn't)
	@exec $(PYTHON) -B -m deploy.hosts status

host-manage: ## Run a command of manage.py with the settings of this host's store (sudo; COMMAND=audit)
	@exec $(PYTHON) -B -m deploy.hosts manage "$(COMMAND)"

host-renew: ## Put new certificates or passwords, or a restored key, into this host's file of secrets (sudo; WHAT=certificates)
	@exec $(PYTHON) -B -m deploy.hosts renew "$(WHAT)"

clean: ## Delete var/ with all data, and the tools' caches; refuses while the store runs
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m bookstore_project.cluster.lock var
	rm -rf var .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage htmlcov
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

requirements: .venv/made ## Install what the store needs, if that has changed (part of `run`)
	@$(call install,requirements.txt,requirements.txt)
	@$(if $(BOOKSTORE_DATABASE_URL),$(call install,requirements-postgresql.txt,requirements-postgresql.txt))

requirements-dev: .venv/made ## Install what tests and tools need too, if that has changed
	@$(call install,requirements-dev.txt,requirements.txt requirements-postgresql.txt deploy/requirements-hosts.txt \
		requirements-dev.txt)

# What was installed last is kept beside it, so that "changed" means the text, not the time of a checkout.
define install
cat $(2) | cmp -s - .venv/$(1) || { \
	echo "Installing $(1) ..." && \
	$(PY) -m pip install --quiet --disable-pip-version-check --no-input -r $(1) && \
	cat $(2) > .venv/$(1); }
endef

# The mark comes last: a .venv that was interrupted half-way is made again.
.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try make PYTHON=python3.12"; \
		exit 1; }
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv
	@touch $@
