# make install   the toolkit in .venv, with .venv/bin/samft
# make demo      the whole flow on a synthetic town; ends with demo/report.html
# make test      all tests, QGIS included where it can be installed
# make lint      ruff, mypy, and the plugin as plugins.qgis.org looks at it
# make plugin    the QGIS plugin as dist/samft-VERSION.zip
# make translations   the plugin's texts into qgis_plugin/i18n/*.ts, for translators
# make sagemaker-venv   the SageMaker SDK (1 GB) in .venv-sagemaker, for its tests alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
SDK_VENV := .venv-sagemaker

.PHONY: install sagemaker-venv demo test test-toolkit test-qgis lint plugin plugin-check translations format clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "error: expected Python 3.10 or newer, got $$($(PYTHON) -V); do make PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh scripts/apt-install python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

sagemaker-venv: $(SDK_VENV)/.installed

$(SDK_VENV)/.installed:
	$(PYTHON) -m venv $(SDK_VENV)
	$(SDK_VENV)/bin/pip install --quiet 'sagemaker==3.27.0'
	touch $@

demo: install
	$(BIN)/samft demo --out $(DEMO) --overwrite

test: test-qgis test-toolkit

test-toolkit: install
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-qgis: install
	sh scripts/test-qgis $(CURDIR)/$(BIN)

lint: install plugin-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

plugin:
	$(PYTHON) scripts/package-plugin dist

plugin-check: install
	$(BIN)/pytest -q tests/contract/test_plugin_site.py tests/contract/test_qt6.py

translations:
	$(PYTHON) scripts/update-translations

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(SDK_VENV) .venv-qgis demo build dist *.egg-info
