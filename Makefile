# On a fresh machine: `make picture VIDEO=my.mp4`, `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
MADE := $(VENV)/.made-by-make
DOCS_STAMP := $(VENV)/.installed-docs
# A Python without ensurepip makes its environment with the pip it has.
PIP = if [ -x $(BIN)/pip ]; then pip="$(BIN)/python -m pip"; else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi;

.PHONY: picture view demo test test-unpinned lint docs clean

# What a video of yours is made of: frames, vectors, flow, residuals, GOPs. OUT=motion.mp4 plays.
export VIDEO OUT
picture:
	@[ -n "$$VIDEO" ] || { echo 'error: say which video: make picture VIDEO=my.mp4' >&2; exit 1; }
	@[ ! -d "$$VIDEO" ] || { echo "error: $$VIDEO is a folder: name one video in it" >&2; exit 1; }
	@[ -f "$$VIDEO" ] || { echo "error: there is no file $$VIDEO" >&2; exit 1; }
	@$(MAKE) -s --no-print-directory $(STAMP)
	@$(BIN)/python tools/visualizations/vis_motion.py --out "$${OUT:-$(CURDIR)/work_dirs/motion.png}" -- "$$VIDEO"

# A live page of what the codec of your videos knows: `make view VIDEOS=/path/to/videos`.
view:
	@[ -e "$$VIDEOS" ] || { echo "error: say which videos: make view VIDEOS=/path/to/videos" >&2; exit 1; }
	@$(MAKE) -s --no-print-directory $(STAMP)
	@$(BIN)/python -m ssvrl_mm.viewer --open -- "$$VIDEOS"

# Pretrains on compressed video and evaluates retrieval: on MotionPrimitives (work_dirs/demo), or on your
# own folder with `make demo VIDEOS=/path/to/videos [GROUP=PATTERN]` (work_dirs/demo_videos): videos in whose
# paths the pattern, 'subject(\d+)' for instance, matches the same are all training videos or all held out.
export VIDEOS GROUP
demo: $(STAMP)
	@$(BIN)/python tools/demo.py $(if $(VIDEOS),--videos "$$VIDEOS") $(if $(GROUP),--group "$$GROUP")

# For two cores: workers wait for what they have started a third of the time, which is a third one's.
test: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal

# What `pip install .` gives without the pins, in an environment that is removed at the end. TORCH names
# the torch to take; the newest brings CUDA, 6 GB: `make test-unpinned PYTHON=python3.12 TORCH=torch==2.13.0`.
test-unpinned:
	.ci/test-unpinned $(PYTHON) $(TORCH)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site of the documentation, docs/_build/html; whatever is wrong with a page, a link or a docstring fails.
docs: $(DOCS_STAMP)
	$(BIN)/python -m sphinx -E -a -W --keep-going -q docs docs/_build/html
	@echo "wrote docs/_build/html/index.html"

$(DOCS_STAMP): $(STAMP) requirements/docs.txt
	@$(PIP) $(PYTHON) tools/heartbeat.py 'set-up: pip installs what makes the site' --log $(VENV)/pip-docs.log -- \
	  $$pip install --constraint requirements/constraints.txt --requirement requirements/docs.txt
	@touch $@

# A whole environment is brought up to date where it is, as something may be running in it; half of one is made anew,
# and one that somebody else has made is put aside.
$(STAMP): setup.py pyproject.toml requirements/runtime.txt requirements/tests.txt requirements/report.txt requirements/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("ssvrl_mm needs Python >= 3.11, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@if [ -e $(STAMP) ]; then echo "Set-up again, as what is required has changed: $(VENV) is brought up to date."; \
	  else echo "Set-up, this once: an environment in $(VENV) with the versions of requirements/constraints.txt."; fi
	@if [ -e $(STAMP) ] && $(BIN)/python -c ''; then exit 0; fi; \
	  if [ -e $(MADE) ]; then rm -rf $(VENV); fi; \
	  if [ -e $(VENV) ]; then \
	    aside=$(VENV).$$(date +%Y%m%d_%H%M%S); mv $(VENV) $$aside; \
	    echo "$(VENV) was not made by make: it is $$aside now."; \
	  fi; \
	  mkdir $(VENV); touch $(MADE); \
	  $(PYTHON) tools/heartbeat.py 'set-up: environment' --log $(VENV)/venv.log -- \
	  sh -c '$(PYTHON) -m venv $(VENV) || $(PYTHON) -m venv --without-pip $(VENV)'
	@$(PIP) $(PYTHON) tools/heartbeat.py 'set-up: pip installs' --log $(VENV)/pip.log -- \
	  $$pip install --constraint requirements/constraints.txt --editable '.[tests,report]'
	@touch $@

clean:
	rm -rf $(VENV) docs/_build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
