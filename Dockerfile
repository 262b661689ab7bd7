# The console is built with npm in a stage of its own; the running image holds neither Node nor a compiler.
FROM node:24-slim AS console
WORKDIR /console
COPY gateway/web/console/package.json gateway/web/console/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY gateway/web/console/ ./
RUN npm run build

FROM python:3.11-slim
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app
WORKDIR /app
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY contracts/ contracts/
COPY ledger/ ledger/
COPY audit/ audit/
COPY policies/ policies/
COPY gateway/ gateway/
COPY --from=console /console/dist gateway/web/console/dist
# pg_dump and pg_restore for `backup` and `restore`
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin lianqiao \
    && mkdir /data && chown 10001:10001 /data && chmod 700 /data
USER 10001
VOLUME /data
ENV LIANQIAO_HOME=/data LIANQIAO_HOST=0.0.0.0 LIANQIAO_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['LIANQIAO_PORT'] + '/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "gateway.cli"]
CMD ["serve"]
