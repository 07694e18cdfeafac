# The image of the autoscaler, and of its agents on nodes: they differ by command only.
# The tag is exact to the patch, but a tag can be moved. For a build that can be repeated, name the
# digest that your registry gives for it: --build-arg BASE=python@sha256:... None stands here, since
# there was no registry to ask for it, and a digest that nobody checked is worth less than a tag.
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
# How pip reaches its index, where it needs to be told; this stage is not part of the image.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /source
COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements/build.txt \
    && python3 -m venv /opt/autoscaler \
    && /opt/autoscaler/bin/pip install --require-hashes -r requirements/run.txt
COPY LICENSE pyproject.toml ./
COPY autoscaler autoscaler
RUN /opt/build/bin/hatchling build -t wheel \
    && /opt/autoscaler/bin/pip install --no-deps --no-index dist/*.whl

FROM ${BASE}
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/autoscaler --create-home autoscaler \
    && mkdir -p /etc/autoscaler/config /etc/autoscaler/policies
COPY --from=build /opt/autoscaler /opt/autoscaler
ENV PATH=/opt/autoscaler/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER autoscaler
# Settings are looked for in config/autoscaler.yaml and policies in policies/, both under here;
# what must survive a restart is written to /var/lib/autoscaler.
WORKDIR /etc/autoscaler
EXPOSE 9095
# The first check comes after one interval, and until then Swarm shows the task as starting.
# A check takes a tenth of a second of CPU.
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s --retries=3 \
    CMD ["autoscaler", "healthcheck"]
ENTRYPOINT ["autoscaler"]
