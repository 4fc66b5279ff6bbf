# The versions of the dependencies are in deploy/image/requirements.txt, which `make lock` writes. All have wheels for
# amd64 and arm64, so there is no compiler in any stage. Both bases need the same Python in the same place.
ARG BASE=docker.io/library/python:3.13-slim-trixie
ARG BUILDER=${BASE}

FROM ${BUILDER} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_COMPILE=1
WORKDIR /src
RUN ["python3", "-m", "venv", "/opt/zerto-exporter"]
# Before the code, so that a change of it does not install them again.
COPY deploy/image/requirements.txt ./
RUN /opt/zerto-exporter/bin/pip install --quiet --only-binary :all: --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
# Bytecode that is never compared with its source: the same bytes at each build, and no file is written at run time.
RUN /opt/zerto-exporter/bin/pip install --quiet --no-deps . \
    && /opt/zerto-exporter/bin/pip uninstall --quiet --yes pip \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/zerto-exporter/lib

FROM ${BASE}
COPY --from=build /opt/zerto-exporter /opt/zerto-exporter
ENV PATH=/opt/zerto-exporter/bin:/usr/local/bin:/usr/bin:/bin
# The base's own pip goes. Its standard library has no bytecode: one start of the program writes that of what it uses.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/ensurepip \
    && zerto-exporter --version
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# config.yaml is looked for here.
WORKDIR /etc/zerto-exporter
# By its number: Kubernetes cannot tell of a name whether it is root.
USER 65532:65532
EXPOSE 9403
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 CMD ["zerto-exporter", "healthcheck"]
ENTRYPOINT ["zerto-exporter"]

ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="zerto-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Zerto" \
      org.opencontainers.image.url="https://github.com/zerto-exporter/zerto-exporter" \
      org.opencontainers.image.source="https://github.com/zerto-exporter/zerto-exporter" \
      org.opencontainers.image.documentation="https://github.com/zerto-exporter/zerto-exporter/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
