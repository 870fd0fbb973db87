# Everything one does with Dubscore. `make demo` and `make test` set up all they need.

SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
PORT ?= 8000
JOBS ?= 2
WORKERS ?= 2
THREADS ?= 8
# A worker a core and a file at a time, in the order of tests/conftest.py, and each reckons in one
# thread: two of them beside another busy worker lose all speed.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS) --dist loadfile \
  --no-loadscope-reorder
CORES := annotator/assignment.py annotator/byteranges.py annotator/evidence.py annotator/manifest.py \
  annotator/public_id.py annotator/rating_files annotator/rendition mos/aggregate.py mos/agreement mos/alphas.py mos/charts.py \
  mos/clip_table.py mos/components.py mos/differences.py mos/from_sums.py mos/from_table.py mos/ledger.py mos/planning mos/prediction_powered.py \
  mos/rater_model.py mos/reliability.py mos/screening.py mos/summaries.py mos/tally.py learner/charts \
  learner/device.py learner/hub.py learner/parts_table.py learner/registry.py learner/weights.py \
  learner/audit learner/compute learner/demo learner/encoders learner/fusion learner/media learner/metrics \
  learner/proxy learner/reproduction learner/strategies

.PHONY: help setup demo serve worker test test-postgres lint format bench docs clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# torch first and alone: asked for later, a plain `torch` would bring gigabytes of CUDA.
$(VENV)/.installed: requirements.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install $$(grep -E '^torch==' requirements.txt)
	$(RUN) -m pip install -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(RUN) -m pip install -r requirements-dev.txt
	touch $@

setup: $(VENV)/.installed ## Install what the product needs into .venv

demo: $(VENV)/.installed ## Set up everything and run the product on a demo corpus (PORT=8000)
	$(RUN) manage.py demo --port $(PORT)

serve: $(VENV)/.installed ## Run the web server (PORT=8000)
	$(RUN) manage.py migrate --no-input
	$(RUN) manage.py collectstatic --no-input --verbosity 0
	$(VENV)/bin/gunicorn config.wsgi --worker-class gthread --workers $(WORKERS) --threads $(THREADS) \
	  --bind 127.0.0.1:$(PORT)

worker: $(VENV)/.installed ## Run one background worker
	$(RUN) manage.py worker

test: $(VENV)/.installed-dev ## Run every test on SQLite
	.ci/chromium
	$(RUN) manage.py fetch_weights
	$(PYTEST)

# Not tests/core: a wall keeps databases from what they test. Not tests/browser: what they look at is
# the pages, which ask the database what tests/web and tests/flows ask it. Not what is slow: that is
# arithmetic and processes, which have been tried on SQLite.
test-postgres: $(VENV)/.installed-dev ## Run every test that has a database on a PostgreSQL server of its own
	$(RUN) manage.py fetch_weights
	.ci/postgres env $(PYTEST) -m "not slow" tests/web tests/flows tests/house

lint: $(VENV)/.installed-dev ## Style, types, walls, migrations, templates of settings
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy $(CORES)
	$(VENV)/bin/lint-imports
	$(RUN) manage.py makemigrations --check --dry-run
	$(RUN) manage.py check --fail-level WARNING

format: $(VENV)/.installed-dev ## Format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed-dev ## Run every benchmark, quick
	for file in $$(grep -l __main__ benchmarks/[a-z]*.py); do $(RUN) $$file --quick || exit 1; done

docs: $(VENV)/.installed ## Write the table of parts into docs/models.md
	$(RUN) manage.py parts --markdown > var/parts.md
	sed -i -e '/^<!-- parts -->$$/,/^<!-- end of parts -->$$/{//!d}' -e '/^<!-- parts -->$$/r var/parts.md' docs/models.md

clean: ## Throw away what can be made again: the environment and caches, never var/
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
