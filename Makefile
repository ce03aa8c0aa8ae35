# Two commands are enough: `make run` to try it, `make test` to prove it. Everything else is a part of them.
PYTHON ?=
UPSTREAM ?=
ARGS ?=

.PHONY: help run test check fuzz crash judge bench bench-guard bench-scale bench-store soak lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\): ##/\1 -/p' Makefile | awk -F' - ' '{ printf "  make %-11s %s\n", $$1, $$2 }'
	@echo
	@echo "  UPSTREAM=http://127.0.0.1:3000 make run    fronts that site instead of the bundled shop"
	@echo "  PYTHON=python3.13 make run                 installs with that interpreter (else the system's own, if it is 3.11 or newer)"
	@echo "  ARGS='--listen 127.0.0.1:9000' make run    hands more options to the command"

run: ## install, then a small shop and footfall in front of it (or in front of UPSTREAM)
	@PYTHON='$(PYTHON)' scripts/install run
	@if [ -n '$(UPSTREAM)' ]; then exec .venv/bin/python -m proxy serve --upstream '$(UPSTREAM)' $(ARGS); \
	else exec .venv/bin/python -m proxy demo $(ARGS); fi

test: ## set up all that the tests need, a browser included, and run every test
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-test
	@scripts/setup-judge
	@scripts/setup-apps
	@.venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder tests/shell tests/unit $(ARGS) || [ $$? = 5 ]
	@.venv/bin/python -m pytest -n 2 --dist loadfile -m 'not alone' tests/browser $(ARGS) || [ $$? = 5 ]
	@.venv/bin/python -m pytest -m alone tests/browser $(ARGS) || [ $$? = 5 ]

check: ## the fast part: lint, format, types, unit tests
	@PYTHON='$(PYTHON)' scripts/install dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest tests/unit

fuzz: ## the property tests with new random examples (`make test` takes half as many, and the same ones every time)
	@PYTHON='$(PYTHON)' scripts/install dev
	@.venv/bin/python -m pytest -n 2 -m hypothesis --hypothesis-profile=random tests/unit tests/shell $(ARGS)

crash: ## kill -9 under load, fifty times each with one worker, alone on a core too, two, and a clock set back (`make test`: six each)
	@PYTHON='$(PYTHON)' scripts/install dev
	@CRASH_ROUNDS=50 .venv/bin/python -m pytest -s tests/shell/test_crashes.py tests/shell/test_crashes_beacons.py $(ARGS)

judge: ## tools that are not ours judge it: framing, fields, deadlines, the tag (ARGS='slow lint' for some)
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-judge
	@.venv/bin/python -m judges $(ARGS)

bench: ## CPU per request beside nginx, and the same traffic through other proxies (ARGS=--no-peers without them)
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-bench
	@scripts/setup-peers
	@.venv/bin/python -m benchmarks $(ARGS)

bench-guard: ## instructions per request, counted, and the ratio to nginx: not more than benchmarks/guard.json says
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-bench
	@.venv/bin/python -m benchmarks.guard $(ARGS)

bench-scale: ## pages a second of two workers beside one, each with half of the same core (ARGS=--quick)
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-bench
	@.venv/bin/python -m benchmarks.scale $(ARGS)

bench-store: ## CPU and bytes per event, CPU of every question, at 1, 3 and 10 million events (ARGS='--keep FOLDER')
	@PYTHON='$(PYTHON)' scripts/install dev
	@.venv/bin/python -m benchmarks.store $(ARGS)

soak: ## half an hour at half load beside visitors who leave, stall and reconnect: memory, sockets, errors (ARGS='--minutes 3')
	@PYTHON='$(PYTHON)' scripts/install dev
	@scripts/setup-bench
	@.venv/bin/python -m benchmarks.soak $(ARGS)

lock: ## pin the dependencies again, to the newest that pyproject.toml allows
	@PYTHON='$(PYTHON)' scripts/lock

clean: ## remove what was installed and cached; never a store or a key
	rm -rf .venv .venv-lock .judges .apps .peers .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
