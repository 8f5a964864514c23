# The image of the delivery operator.
ARG BUILD_IMAGE=debian:bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv && rm -rf /var/lib/apt/lists/*
# Only for builds that fetch packages from elsewhere; a CA bundle of one's own comes as the secret "ca".
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG PIP_CERT
ARG SSL_CERT_FILE
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    python3 -m venv /opt/uv && /opt/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV PATH=/opt/uv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    UV_PYTHON=/usr/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_NO_CACHE=1

WORKDIR /src
# The locked dependencies, hashes checked: a layer that lasts until the lock file changes.
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    UV_PROJECT_ENVIRONMENT=/app uv sync --frozen --no-dev --no-install-project
# The operator and its templates, apart from them: a small layer on top.
COPY README.md LICENSE ./
COPY operator operator
COPY templates templates
RUN --mount=type=secret,id=ca,target=/run/ca.crt \
    uv pip install --python /app/bin/python --prefix /operator --no-deps --no-sources .

FROM ${RUNTIME_IMAGE}
COPY --from=build /app /app
COPY --from=build /operator /app
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["/app/bin/python3", "-m", "delivery_operator"]
