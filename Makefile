# `make run` starts Taskdeck, `make test` runs every test, `make check` lints and types.
PYTHON ?= python3
SHELL := /bin/sh
BIN := .venv/bin
CONSOLE := tasks_app/static/console/.built
SOURCES := $(shell find frontend \( -name node_modules -o -name dist \) -prune -o -type f -print 2>/dev/null)
ifneq ($(wildcard frontend/package.json),)
CONSOLE_TARGET := $(CONSOLE)
endif

.PHONY: run test check openapi venv console browser test-frontend test-python
.DELETE_ON_ERROR:

run: .venv/.base $(CONSOLE_TARGET)
	@TASKDECK_DIE_WITH_PARENT=1 exec $(BIN)/python manage.py up

test: test-frontend test-python

test-frontend: $(CONSOLE_TARGET)
ifdef CONSOLE_TARGET
	cd frontend && npm test
endif

test-python: .venv/.dev $(CONSOLE_TARGET) browser
	$(BIN)/python -m pytest --ignore=tests/e2e
	$(BIN)/python -m pytest tests/e2e

check: .venv/.dev frontend/node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run
	cd frontend && npx openapi-typescript openapi.json --output src/api/schema.d.ts --check
	cd frontend && npm run lint && npm run typecheck

# The console's types follow the API: run this after changing a document's shape.
openapi: .venv/.dev frontend/node_modules/.installed
	$(BIN)/python manage.py spectacular --format openapi-json --file frontend/openapi.json
	cd frontend && npm run api

venv: .venv/.dev

console: $(CONSOLE_TARGET)

.venv/.base: requirements/base.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Taskdeck needs Python 3.11 or newer; name one with make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
		{ echo "Python's venv module is missing (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/base.txt
	@touch $@

.venv/.dev: .venv/.base requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/base.txt -r requirements/dev.txt
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json
	@command -v npm >/dev/null || { echo "The console needs Node 20 or newer with npm to be built." >&2; exit 1; }
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

$(CONSOLE): frontend/node_modules/.installed $(SOURCES)
	cd frontend && npm run build
	@mkdir -p $(dir $@) && touch $@

# The browser tests drive Debian's Chromium, with the console's font.
browser:
	@missing=""; \
	command -v chromium >/dev/null || missing="chromium"; \
	test -e /usr/share/doc/fonts-inter || missing="$$missing fonts-inter"; \
	test -n "$$missing" || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo"; \
	else echo "The browser tests need: $$missing. Run as root: apt-get install $$missing" >&2; exit 1; fi; \
	command -v apt-get >/dev/null || { echo "Please install: $$missing" >&2; exit 1; }; \
	echo "Installing $$missing"; \
	{ apt-cache show $$missing >/dev/null 2>&1 || $$as_root apt-get update -qq; } && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
