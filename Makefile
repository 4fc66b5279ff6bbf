PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
HELM := helm.sh/helm/v3
HELM_VERSION := v3.22.0
PROMETHEUS := github.com/prometheus/prometheus
PROMETHEUS_VERSION := v0.316.0

GRAFANA := tests/pictures/node_modules/.package-lock.json

# Or DOCKER=podman. OCI's own format has no health check.
DOCKER ?= docker
LOCK := --quiet --upgrade --universal --no-annotate --custom-compile-command 'make lock' pyproject.toml
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)

# Each process that the tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

PARALLEL := -n auto --maxprocesses 8 --dist worksteal -m 'not slow'

.PHONY: demo test coverage check image image-check bench bench-rules docs dashboards pictures chart format lock clean

demo: .venv/run
	$(BIN)/zerto-exporter demo

test: .venv/dev
	$(BIN)/pytest $(PARALLEL)

# The same with more examples, under the gate of coverage: twice as long.
coverage: .venv/dev
	$(BIN)/pytest $(PARALLEL) --hypothesis-profile thorough --quiet --cov --cov-report=term

check: .venv/dev $(BIN)/helm $(BIN)/promtool $(if $(shell command -v npm),$(GRAFANA))
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) coverage
	$(BIN)/pytest -q -m slow
	$(MAKE) image-check

image:
	$(DOCKER) build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) --tag ghcr.io/zerto-exporter/zerto-exporter:$(VERSION) .

image-check: .venv/dev
	$(BIN)/pytest -q tests/image.py

bench: .venv/dev
	$(BIN)/python tests/bench.py

# What rules and dashboards cost a Prometheus that holds 10,000 VMs; some minutes.
bench-rules: .venv/dev
	$(BIN)/python tests/bench_rules.py

docs: .venv/dev
	cd tests && ../$(BIN)/python -m tools.documents

dashboards: .venv/dev
	cd deploy/grafana && ../../$(BIN)/python -m boards

# Each dashboard as Grafana would draw it, on three estates, light and dark; needs prometheus, chromium, node and npm.
pictures: .venv/dev $(GRAFANA)
	cd tests && ../$(BIN)/python -m pictures --out ../build/pictures $(PICTURES)

chart: .venv/dev
	cd tests && ../$(BIN)/python -m tools.chart

format: .venv/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The versions of what the tests and the image are made of, as new as pyproject.toml allows.
lock: .venv/dev
	$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip compile $(LOCK) --all-extras --python-version 3.11 --output-file tests/constraints.txt
	$(BIN)/uv pip compile $(LOCK) --python-version 3.13 --generate-hashes \
	  --constraints tests/constraints.txt --output-file deploy/image/requirements.txt

clean:
	rm -rf .venv build tests/pictures/node_modules

.venv/run: pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e .
	touch $@

.venv/dev: pyproject.toml tests/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[test,dashboards,chart]'
	touch $@

# Built from source, because that is how it can be had everywhere: some minutes of processor the first time, then cached.
# As in its own releases, it is told which Kubernetes to think of where it asks none; else that is 1.20.
$(BIN)/helm: KUBERNETES = $(foreach part,pkg/chartutil pkg/lint/rules,\
  -X $(HELM)/$(part).k8sVersionMajor=1 -X $(HELM)/$(part).k8sVersionMinor=34)
$(BIN)/helm: Makefile | .venv/dev
	@if command -v go >/dev/null; then \
	  GOBIN='$(abspath $(BIN))' CGO_ENABLED=0 \
	    go install -trimpath -ldflags='-s -w $(KUBERNETES)' $(HELM)/cmd/helm@$(HELM_VERSION) && touch $@; \
	elif command -v helm >/dev/null; then \
	  echo 'no Go: the chart is tested with $(shell command -v helm)'; \
	else \
	  echo 'neither Go nor helm: the chart is not tested'; \
	fi

# Grafana's own libraries, which draw the dashboards for `make pictures` and its test; 600 MB.
$(GRAFANA): tests/pictures/package-lock.json
	npm ci --prefix tests/pictures
	touch $@

# Prometheus 3, beside the 2 of Debian 12: rules and queries are to mean the same on both. Without what looks for targets at
# clouds, which would be a third of it: some minutes the first time as it is.
$(BIN)/promtool: Makefile | .venv/dev
	@if command -v go >/dev/null; then \
	  GOBIN='$(abspath $(BIN))' CGO_ENABLED=0 go install -trimpath -ldflags='-s -w' -tags=remove_all_sd \
	    $(PROMETHEUS)/cmd/prometheus@$(PROMETHEUS_VERSION) $(PROMETHEUS)/cmd/promtool@$(PROMETHEUS_VERSION) && touch $@; \
	else \
	  echo 'no Go: rules and queries are not tested on Prometheus 3'; \
	fi
