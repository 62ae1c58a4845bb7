# make run | setup | test | check | coverage | bench | lock | clean        ARGS="..." goes to the program or to pytest
#
# Everything runs from .venv, which the targets make and bring up to date by themselves. PYTHON=/path/to/python
# chooses the interpreter it is made with.

SHELL := /bin/sh
.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run setup test check format coverage bench lock clean

VENV := .venv
PY := $(VENV)/bin/python
RUNTIME_LOCK := requirements/runtime.txt
DEV_LOCK := requirements/dev.txt
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
ARGS ?=
NO_TESTS ?=
SEEDS ?= 2000
# More than there are cores: many tests wait for a process or a socket. Who is done takes from who is not.
WORKERS ?= 6
PYTEST := -m pytest -n $(WORKERS) --dist worksteal
ORDER_PATH_TESTS := tests/unit/core tests/unit/engine tests/unit/state tests/scenarios tests/test_rules.py tests/sim/test_found_days.py
UPGRADE ?=
LOCK_TOOL := uv==0.13.8

run: $(RUNTIME)
	@exec $(PY) runner.py $(ARGS)

setup: $(DEV)

test: $(DEV)
	@$(PY) $(PYTEST) $(ARGS)

check: $(DEV)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -c 'import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())' --no-logo
	$(PY) runner.py verify --seeds $(SEEDS)
	$(PY) runner.py verify --seeds $$(( $(SEEDS) / 2 )) --follow orders
ifeq ($(NO_TESTS),)
	$(PY) $(PYTEST) $(ARGS)
endif

format: $(DEV)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

coverage: $(DEV)
	@$(PY) -m coverage erase
	@$(PY) -m coverage run $(PYTEST) $(ORDER_PATH_TESTS) $(ARGS)
	@$(PY) -m coverage combine -q
	@$(PY) -m coverage report

bench: $(DEV)
	@exec $(PY) -m bench $(ARGS)

# Writes both lock files anew from pyproject.toml. Versions stay unless pyproject.toml moves them; UPGRADE=1 takes the
# newest. The dev lock is constrained by the runtime lock, so that both put the same versions into .venv.
lock:
	@set -e; tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; trap 'exit 130' INT TERM; \
	$(or $(PYTHON),python3) -m venv "$$tool"; \
	"$$tool/bin/python" -m pip install --quiet --disable-pip-version-check '$(LOCK_TOOL)'; \
	compile() { "$$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) "$$@"; }; \
	compile pyproject.toml --output-file $(RUNTIME_LOCK); \
	compile pyproject.toml --group dev --constraints $(RUNTIME_LOCK) --output-file $(DEV_LOCK)

# What state/data/, logs/ and config/ hold is never touched.
clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage \
	    snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- .venv --------------------------------------------------------------------------------------------------------
#
# $(VENV)/.complete exists only while no installation is under way: what was interrupted is made again from nothing.
# A stamp is written last and is older than its lock file when that has changed since.

define SET_UP
set -eu
stamp=$$1 lock=$$2
shift 2
venv='$(VENV)'
say() { printf '%s\n' "$$*" >&2; }
usable() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Another make may have done it while this one waited.
if [ "$$stamp" -nt "$$lock" ] && [ "$$stamp" -nt '$(RUNTIME_LOCK)' ] && [ -e "$$venv/.complete" ] && usable "$$venv/bin/python"; then exit 0; fi

if ! { [ -e "$$venv/.complete" ] && usable "$$venv/bin/python"; }; then
    python=
    unfit=
    for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do
        usable "$$candidate" || continue
        if "$$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then python=$$candidate; break; fi
        unfit=$${unfit:-$$candidate}
    done
    if [ -z "$$python" ] && [ -n "$$unfit" ]; then
        version=$$("$$unfit" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "$$unfit (Python $$version) cannot make virtual environments: its venv package is missing."
        say "On Debian and Ubuntu install it with:  sudo apt-get install python$$version-venv"
        say "Then run make again."
        exit 1
    fi
    if [ -z "$$python" ]; then
        found=$$($(or $(PYTHON),python3) --version 2>/dev/null) || found='not there'
        say "Lockstep needs Python 3.11 or newer; $(or $(PYTHON),python3) is $$found."
        say "Install Python 3.11, 3.12 or 3.13, or name one:  make PYTHON=/path/to/python3.12"
        exit 1
    fi
    rm -rf "$$venv"
    say "Making $$venv with $$("$$python" --version) ..."
    log=$$("$$python" -m venv "$$venv" 2>&1) || { say "$$log"; exit 1; }
fi

rm -f "$$venv/.complete" "$$venv"/.runtime "$$venv"/.dev
say "Installing $$lock (less than a minute on most connections) ..."
if ! "$$venv/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
    --require-hashes -r "$$lock" >"$$venv/setup.log" 2>&1; then
    cat "$$venv/setup.log" >&2
    say "Could not install $$lock; what pip said is above. Run make again when the cause is gone."
    exit 1
fi
touch "$$venv/.complete"
touch "$$@" "$$stamp"
endef

# Two makes at once wait for each other where the system has flock.
FLOCK := $(if $(shell command -v flock 2>/dev/null),flock Makefile)

# A .venv whose interpreter has gone, or an interrupted one, is made again even when its stamp is newer than the lock.
ifeq ($(wildcard $(VENV)/.complete),)
.PHONY: $(RUNTIME) $(DEV)
else ifneq ($(shell $(PY) -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null),True)
.PHONY: $(RUNTIME) $(DEV)
endif

$(RUNTIME) $(DEV): export SET_UP := $(SET_UP)

$(RUNTIME): $(RUNTIME_LOCK)
	@$(FLOCK) sh -c "$$SET_UP" set-up $@ $<

# The dev lock holds the runtime lock, so it brings both stamps.
$(DEV): $(DEV_LOCK) $(RUNTIME_LOCK)
	@$(FLOCK) sh -c "$$SET_UP" set-up $@ $< $(RUNTIME)
