# Everything is installed into .venv from requirements.lock; nothing outside this folder changes.

.DEFAULT_GOAL := help
.PHONY: help demo dev test proof gamedays bench lint lock picture clean

# The newest Python that is new enough; make PYTHON=/path/to/python uses another one.
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
  if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
  then echo $$p; break; fi; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
STAMP := .venv/installed

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; \
	  do printf '  make %-7s %s\n' "$$name" "$$text"; done

demo: $(STAMP) ## Start everything here with invented data, and look at it
	@$(BIN)/mrtui demo

dev: $(STAMP) ## Start everything here without invented data, and look at it
	@$(BIN)/mrtui dev

# With bytecode, whatever the shell says: else each of the four rewrites every assertion of every
# test anew, and each process that they start compiles what it imports. The first time, one does it.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP) ## Run the tests: four at once, because many of them wait
	@test -d tests/__pycache__ || $(BIN)/python -m pytest tests -qq --collect-only >/dev/null
	$(BIN)/python -m tests.again tests -q -m "not proof and not gameday and not bench" -n 4 --dist loadgroup

proof: $(STAMP) ## Run the proofs: full sizes, long; last of them all game days
	$(BIN)/python -m pytest tests -q -m proof
	$(BIN)/python -m pytest tests -q -m hypothesis -n 2 --hypothesis-profile=search
	$(MAKE) gamedays

gamedays: $(STAMP) ## Play every scenario of a game day: on a machine that does nothing else
	$(BIN)/python -m pytest tests -q -m gameday

bench: $(STAMP) ## Measure, and print the table of budgets
	$(BIN)/python -m tests.bench

lint: $(STAMP) ## Check format, lint, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: ## Resolve requirements.lock anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade \
	  --extra embedded --extra web --extra bullmq --extra dev \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet \
	  --output-file requirements.lock

picture: $(STAMP) ## Draw the README's picture from the running demo
	$(BIN)/python -m tests.picture

clean: ## Remove what was installed and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The project itself is installed without build isolation, because its build tools are in the lock.
# Bytecode is made here, on all cores, so that the first start is as fast as the second; a file
# that is no Python of this version is not ours and may fail.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install one, or name it:" \
	  "make PYTHON=/path/to/python3" >&2; exit 1; }
ifneq ($(UV),)
	@echo "Installing into .venv with uv ..."
	@test -x $(BIN)/python || uv venv --quiet --python "$$(command -v $(PYTHON))" .venv
	@uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. Install it (Debian, Ubuntu: apt install" \
	  "python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv)," \
	  "or install uv." >&2; exit 1; }
	@echo "Installing into .venv with pip ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  --no-deps --no-build-isolation -e .
endif
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib src || true
	@touch $@
