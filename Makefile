# Everything starts here: `make help` lists the targets, scripts/setup.py does the set-up.
# More words for the program or for pytest go into ARGS: make run ARGS="--no-browser".

PYTHON ?= python3

# Once there is an environment, its own Python does the set-up: it skips version managers and is
# there at once. A PYTHON of yours wins, and the environment is made anew if the version differs.
venv_python := $(shell test -x .venv/bin/python && echo .venv/bin/python)
python := $(if $(filter file,$(origin PYTHON)),$(or $(venv_python),$(PYTHON)),$(PYTHON))
set_up := $(python) -I -S scripts/setup.py
# The machine's tools, as set-up found them.
in_venv := . .venv/tools.sh &&
check := @$(in_venv) python scripts/check.py

.DEFAULT_GOAL := help
.PHONY: run test check bench night setup setup-dev lint fmt lock page clean help

run: setup ## Set up what is missing, then start the demo
	@exec .venv/bin/steelyard demo $(ARGS)

test: setup-dev ## Set up what is missing, then linters and the whole test suite
	$(check) $(ARGS)

check: setup-dev ## The quick part of `make test`, under 90 seconds
	$(check) --quick $(ARGS)

lint: setup-dev ## Linters and type checkers alone
	$(check) --lint

bench: setup-dev ## Measure against the best peers, on this machine
	@exec .venv/bin/python -m bench $(ARGS)

night: setup-dev ## The long proofs
	$(check) --night $(ARGS)

setup: ## Only the set-up: .venv/bin/steelyard works
	@$(set_up)

setup-dev:
	@$(set_up) --dev

fmt: setup-dev ## Format Python and Rust, and mend what linters can mend
	@$(in_venv) ruff check --quiet --fix-only . && ruff format . && cargo fmt

lock: ## Bring the locks in step with the manifests (UPGRADE=1: to the newest versions)
	@test -x .venv/bin/uv || $(set_up)
	@$(in_venv) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    $(if $(UPGRADE),--upgrade) --output-file requirements.lock pyproject.toml \
	    --extra data --extra postgres --extra sweep --extra alerts \
	    --extra keyring --extra aws --extra gcp --extra hashicorp \
	    --group build --group dev --group binance-connector --group peers --group moto \
	    --group node --group rust
	@$(in_venv) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    $(if $(UPGRADE),--upgrade) --output-file apart-requirements.lock \
	    --group coinbase-advanced-py
	@$(in_venv) cargo update --quiet $(if $(UPGRADE),,--workspace)
	@test ! -f web/package.json || { $(in_venv) npm --prefix web $(if $(UPGRADE),update,install) \
	    --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error; }

page: ## Build the pages of the dashboard and of reports again
	@$(set_up) --again page

clean: ## Remove what set-up, builds and tests have made
	@rm -rf .venv target dist wheels web/node_modules src/steelyard/dashboard/page \
	    src/steelyard/cli/report_page \
	    src/steelyard/_native*.so .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
