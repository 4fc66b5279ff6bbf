PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test check bench docs dashboards format clean

demo: .venv/run
	$(BIN)/zerto-exporter demo

test: .venv/dev
	$(BIN)/pytest --cov --cov-report=term

check: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py tests/test_docs.py tests/test_dashboards.py

bench: .venv/dev
	$(BIN)/python tests/bench.py

docs: .venv/dev
	$(BIN)/pytest -q tests/test_docs.py tests/test_page.py tests/test_rules.py --update

dashboards: .venv/dev
	cd deploy/grafana && ../../$(BIN)/python -m boards

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[speed]'
	touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[speed,test,dashboards]'
	touch $@
