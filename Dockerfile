# The server in a container. docs/deploy.md says how it is built, started, updated and copied.

FROM python:3.12-slim AS build
WORKDIR /source
COPY LICENSE MANIFEST.in README.md pyproject.toml setup.cfg setup.py ./
COPY client ./client
COPY packaging ./packaging
COPY pylingo ./pylingo
COPY reactor ./reactor
COPY shared ./shared
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[cluster,metrics]'
RUN python -m venv --without-pip /opt/pylingo \
 && pip --python /opt/pylingo/bin/python install --no-cache-dir --no-index --find-links /wheels 'pylingo-chat[cluster,metrics]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin pylingo \
 && install -d -o pylingo -g pylingo -m 0700 /data
COPY --from=build /opt/pylingo /opt/pylingo
ENV PATH="/opt/pylingo/bin:$PATH"
USER pylingo
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
# Loopback, because a balancer's network may include the address of the container.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["pylingo-server", "check", "127.0.0.1:5000", "--data", "/data"]
ENTRYPOINT ["pylingo-server"]
CMD ["--host", "0.0.0.0", "--data", "/data"]
