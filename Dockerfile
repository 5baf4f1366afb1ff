# The API alone: no demo parts, no compiler, no root. Build: docker build -t ehb .
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/ehb
COPY locks/serve.txt locks/serve.txt
RUN /opt/ehb/bin/pip install --no-cache-dir --require-hashes -r locks/serve.txt
COPY pyproject.toml README.md LICENSE ./
COPY ehb ehb
COPY auth auth
COPY graphql_schema graphql_schema
# Invented people, the stand-in provider and the private mongod stay out of production.
RUN rm -rf ehb/demo ehb/synthetic ehb/store/embedded.py ehb/store/mongod_*.py
RUN python -m venv /opt/builder \
 && /opt/builder/bin/pip install --no-cache-dir hatchling==1.33.0 \
 && /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/wheels . \
 && /opt/ehb/bin/pip install --no-cache-dir --no-deps /build/wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --no-create-home --uid 10001 ehb
COPY --from=build /opt/ehb /opt/ehb
ENV PATH=/opt/ehb/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER ehb
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["ehb"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
