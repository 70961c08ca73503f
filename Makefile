# `make demo` and `make test` are all a newcomer needs; both set up what is missing first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.installed

CATALOGUES := $(wildcard src/analysis/locale/*/LC_MESSAGES/*.po)

.PHONY: demo test lab lint notebooks words benchmarks clean

demo: $(DONE)  ## set up, make the demo bank, run every report of its last quarter
	$(BIN)/workbook run params/demo.yml
	@echo "Open outputs/demo/2024Q4/index.html in a browser."

test: $(DONE)  ## the whole test suite, the notebooks' replay included
	$(BIN)/workbook prepare params/demo.yml
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -q --nbval --nbval-kernel-name workbook --nbval-sanitize-with tests/notebooks/sanitize.cfg -p no:cacheprovider -n 3 --dist loadscope notebooks

lab: $(DONE)  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks $(LAB)

lint: $(DONE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmarks: $(DONE)  ## the figures of benchmarks/README.md
	$(BIN)/python benchmarks/road.py
	$(BIN)/python benchmarks/runs.py
	$(BIN)/python benchmarks/groups.py
	$(BIN)/python benchmarks/data_health.py
	$(BIN)/python benchmarks/campaigns.py
	$(BIN)/python benchmarks/offers.py
	$(BIN)/python benchmarks/execution.py
	$(BIN)/python benchmarks/identification.py
	$(BIN)/python benchmarks/loyalty.py
	$(BIN)/python benchmarks/patterns.py
	$(BIN)/python benchmarks/risk.py
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/storage.py

notebooks: $(DONE)  ## execute the notebooks again, as they are committed
	$(BIN)/workbook prepare params/demo.yml
	$(BIN)/python -m analysis.runs.refresh notebooks

words: $(DONE)  ## what is said in other languages: new messages into the catalogues, and compiled
	$(BIN)/python -m analysis.runs.translations

clean:  ## remove what was made; the set-up stays
	rm -rf outputs/demo outputs/berka data/demo data/berka build .pytest_cache .mypy_cache .ruff_cache

$(DONE): pyproject.toml constraints.txt hatch_build.py $(CATALOGUES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e ".[cluster,postgres,test]"
	touch $(DONE)
