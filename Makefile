# `make run` starts Taskdeck, `make test` runs the tests, `make check` is the quick look before a commit.
PYTHON ?= python3
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
CONSOLE := tasks_app/static/console/.built
SOURCES := $(shell find frontend \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)
ifneq ($(wildcard frontend/package.json),)
CONSOLE_TARGET := $(CONSOLE)
endif

.PHONY: run prove chaos soak model test test-matrix check bench bench-first bench-quick bench-rows bench-flood openapi screenshots venv console browser servers
.PHONY: test-frontend test-python
.DELETE_ON_ERROR:

run: $(VENV)/.base $(CONSOLE_TARGET)
	@TASKDECK_DIE_WITH_PARENT=1 exec $(BIN)/python manage.py up

# Kills parts of Taskdeck while tasks run, on SQLite and an embedded Valkey of its own; the last line is JSON.
prove: $(VENV)/.base
	@mkdir -p var/prove
	@env -u DATABASE_URL -u REDIS_URL -u RABBITMQ_URL TASKDECK_DATA_DIR=var/prove $(BIN)/python manage.py prove

test: test-frontend test-python

test-frontend: $(CONSOLE_TARGET)
ifdef CONSOLE_TARGET
	cd frontend && npm test
endif

test-python: $(VENV)/.dev $(CONSOLE_TARGET) browser servers
	@.ci/test-python $(BIN)/python

# Everything that breaks things for minutes: long storms, every mutation on both databases, every fault.
chaos: $(VENV)/.dev servers
	STORM_SECONDS=60 $(BIN)/python -m pytest -m "long or not long" tests/protocol tests/chaos tests/integration/test_prove.py

# Eight hours of tasks in some minutes: does the memory of any process grow? Results in benchmarks/results/.
soak: $(VENV)/.dev servers
	$(BIN)/python -m benchmarks.soak

# The exhaustive model of the hand-over: all rules on, then each one removed (needs g++, about a minute).
model:
	@command -v g++ >/dev/null || { echo "make model needs g++." >&2; exit 1; }
	@$(PYTHON) docs/explanation/protocol/run.py

# The tests under each supported pair: Python 3.11 with Django 5.2 and Python 3.13 with Django 6.1.
# The console is tested by `make test`.
test-matrix: $(CONSOLE_TARGET) servers
	@.ci/test-matrix

# Minutes, not more: what is static, and the tests that need no service. The OpenAPI document is one of them.
check: $(VENV)/.dev frontend/node_modules/.installed $(CONSOLE_TARGET)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run
	cd frontend && npx openapi-typescript openapi.json --output src/api/schema.d.ts --check
	cd frontend && npm run lint && npm run typecheck && npx vitest run
	$(BIN)/python -m pytest --quiet tests/unit

# The console's types follow the API: run this after changing a document's shape.
openapi: $(VENV)/.dev frontend/node_modules/.installed
	$(BIN)/python manage.py spectacular --format openapi-json --file frontend/openapi.json
	cd frontend && npm run api

# Taskdeck beside its peers, on servers of its own. bench exits 1 below a floor; bench-quick compares with the
# last kept results. Results and the tables in docs/explanation/performance.md are written by `make bench` alone.
bench: .venv-bench/.installed $(VENV)/.dev $(CONSOLE_TARGET) browser servers
	.venv-bench/bin/python -m benchmarks all

bench-first: .venv-bench/.installed servers
	.venv-bench/bin/python -m benchmarks first

bench-quick: .venv-bench/.installed servers
	.venv-bench/bin/python -m benchmarks quick

# A million rows in PostgreSQL: what each page of the console costs the server, cold and warm.
bench-rows: .venv-bench/.installed servers
	.venv-bench/bin/python -m benchmarks.million_rows

# The Tasks page in Chromium under a running flood, on everything that docker-compose.yml starts.
bench-flood: $(VENV)/.dev $(CONSOLE_TARGET) browser servers
	$(BIN)/python -m benchmarks.flood

.venv-bench/.installed: requirements/base.txt requirements/bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/base.txt -r requirements/bench.txt
	@touch $@

# Every page in docs/images, in both schemes, wide and on a phone.
screenshots: $(VENV)/.dev $(CONSOLE_TARGET) browser
	$(BIN)/python -m tests.support.screenshots $(PICTURES)

venv: $(VENV)/.dev

console: $(CONSOLE_TARGET)

$(VENV)/.base: requirements/base.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Taskdeck needs Python 3.11 or newer; name one with make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv module is missing (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/base.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/base.txt -r requirements/dev.txt
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json
	@command -v npm >/dev/null || { echo "The console needs Node 20.19, 22.13, 24 or newer with npm to be built." >&2; exit 1; }
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

$(CONSOLE): frontend/node_modules/.installed $(SOURCES)
	cd frontend && npm run build
	@mkdir -p $(dir $@) && touch $@

# The browser tests drive Debian's Chromium, with the console's font.
browser:
	@.ci/apt-install chromium=/usr/bin/chromium fonts-inter=/usr/share/fonts/*/inter

# The tests start private instances of these; no service of the system is used or started.
servers:
	@.ci/apt-install 'postgresql=/usr/lib/postgresql/*/bin/postgres' redis-server=/usr/bin/redis-server \
		rabbitmq-server=/usr/lib/rabbitmq/bin/rabbitmq-server nginx=/usr/sbin/nginx g++=/usr/bin/g++ wget=/usr/bin/wget iproute2=/usr/bin/ip
