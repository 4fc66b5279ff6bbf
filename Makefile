PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test check bench docs format clean

demo: .venv/run  ## two simulated sites and the exporter on them
	$(BIN)/zerto-exporter demo

test: .venv/dev  ## all tests, with the gate on branch coverage
	$(BIN)/pytest --cov --cov-report=term

check: .venv/dev  ## lint, format, types, architecture, documents
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py tests/test_docs.py

bench: .venv/dev  ## what a poll and a scrape cost at 10,000 VMs
	$(BIN)/python tests/bench.py

docs: .venv/dev  ## write the generated documents and the golden page anew
	$(BIN)/pytest -q tests/test_docs.py tests/test_page.py --update

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
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[speed,test]'
	touch $@
