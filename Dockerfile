# The API alone: no demo parts, no compiler, no root. Build: docker build -t ehb .
# With what sends traces: docker build -t ehb --build-arg LOCK=traces .
FROM python:3.11-slim-bookworm AS build
RUN python -m venv /opt/ehb
ARG LOCK=serve
COPY locks/${LOCK}.txt /build/lock.txt
RUN /opt/ehb/bin/pip install --no-cache-dir --require-hashes -r /build/lock.txt
COPY ehb /opt/ehb/app/ehb
COPY auth /opt/ehb/app/auth
COPY graphql_schema /opt/ehb/app/graphql_schema
# Invented people, the stand-in provider and the private mongod stay out of production.
RUN cd /opt/ehb/app/ehb && rm -rf demo synthetic phone.py store/embedded.py store/mongod_*.py \
 && /opt/ehb/bin/python -m compileall -q /opt/ehb/app

FROM python:3.11-slim-bookworm
RUN useradd --system --no-create-home --uid 10001 ehb
COPY --from=build /opt/ehb /opt/ehb
COPY LICENSE /opt/ehb/LICENSE
ENV PATH=/opt/ehb/bin:$PATH PYTHONPATH=/opt/ehb/app PYTHONUNBUFFERED=1
USER ehb
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "ehb"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
