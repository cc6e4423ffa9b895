# leadloader: `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PART ?= 1/1
SEED ?= 0
EXTRAS ?= spreadsheet
# Tests start programs hundreds of times: they find the modules compiled, whatever the shell wants.
# With worksteal a file stays with one process, mostly, and what its tests share is made once.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## load sample_data/ into a small embedded database and show the results
	@$(BIN)/python sample_data/demo.py

night: $(VENV)/.installed ## put sample files into drop folders and spend a night over them
	@$(BIN)/python -m sample_data.night

check: $(VENV)/.installed-dev ## check format, lint, types, and which package imports which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

test: check ## install what the tests need; check; run the tests
	@$(BIN)/python tests/support/install_programs.py
	$(PYTEST)

generate: $(VENV)/.installed-dev ## write what is generated from the code: tables, pages, schemas, example
	$(BIN)/python -m tests.docs.generate

conformance: $(VENV)/.installed-dev ## replay every recorded case on every engine (make test: a sample)
	@$(BIN)/python tests/support/install_programs.py
	$(PYTEST) --full tests/conformance tests/jobs/serve/test_recorded.py

engines: $(VENV)/.installed-dev ## all tests on every engine (make test: on one each, and a sample of what takes long)
	@$(BIN)/python tests/support/install_programs.py
	$(PYTEST) --every-engine

snapshots: $(VENV)/.installed-dev ## the tests on InnoDB with innodb_snapshot_isolation, as newer servers have it
	@$(BIN)/python tests/support/install_programs.py
	LEADLOADER_TEST_SERVER_OPTIONS=--innodb-snapshot-isolation=ON $(PYTEST) --engines innodb

cluster: $(VENV)/.installed-dev ## the tests on a Galera cluster of three nodes (not in make test)
	@$(BIN)/python tests/support/install_programs.py server galera
	$(BIN)/pytest -m cluster tests/cluster

mysql: $(VENV)/.installed-dev ## fetch MySQL 9 and 5.6; all tests with 9; insert, duplicates, archive, undo with 5.6
	@$(BIN)/python tests/support/install_programs.py
	@$(BIN)/python -m tests.support.fetch_mysql
	LEADLOADER_TEST_SERVER=mysql9 $(PYTEST)
	LEADLOADER_TEST_SERVER=mysql56 $(PYTEST) $(ON_OLD_MYSQL)

ON_OLD_MYSQL := tests/loader/writing tests/loader/queries tests/loader/archive tests/loader/undo \
	tests/jobs/load tests/jobs/archive tests/jobs/undo

fuzz: $(VENV)/.installed-dev ## a million inputs for the property tests (an hour; PART=3/10 SEED=7)
	HYPOTHESIS_PROFILE=fuzz $(PYTEST) -m property --part $(PART) --seed $(SEED)

crashes: $(VENV)/.installed-dev ## kill every job at every step (hours; PART=3/10 SEED=7)
	@$(BIN)/python tests/support/install_programs.py
	$(PYTEST) --full tests/crash --part $(PART) --seed $(SEED)

bench: $(VENV)/.installed-dev ## measure imports beside LOAD DATA, the archive beside pt-archiver
	@$(BIN)/python tests/support/install_programs.py
	$(BIN)/python -m tests.bench

bench-large: $(VENV)/.installed-dev ## the same with a million rows, into ten million leads, and ten million rows (hours)
	@$(BIN)/python tests/support/install_programs.py
	$(BIN)/python -m tests.bench imports growth --rows 1000000
	for rows in 1000000 10000000; do $(BIN)/python -m tests.bench memory --memory-rows $$rows || exit 1; done

extras: $(VENV)/.installed ## install optional packages: EXTRAS=spreadsheet,notify
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[$(EXTRAS)]'

lock: $(VENV)/.installed-dev ## resolve the newest versions that pyproject.toml allows into the locks
	$(BIN)/uv pip compile $(COMPILE) --all-extras --output-file requirements-dev.lock
	$(BIN)/uv pip compile $(COMPILE) --constraint requirements-dev.lock --output-file requirements.lock

COMPILE := pyproject.toml requirements-build.in --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --no-emit-index-url --upgrade

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "leadloader needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q loader jobs
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Not results/: undo, resume and corrected rejects need it.
clean: ## remove .venv, the demo's database and the caches; results/ stays
	rm -rf $(VENV) demo build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

phones: $(VENV)/.installed-dev ## compare 10 million phone numbers of all regions with phonenumbers; takes an hour
	$(BIN)/python -m tests.bench phones --compared 10000000

.PHONY: help demo night check test extras generate conformance engines mysql snapshots cluster crashes fuzz bench bench-large phones lock clean
