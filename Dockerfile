# The console is built, the packages are installed, and only their results go into the image.
FROM node:22.20.0-bookworm-slim AS console
WORKDIR /build/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY frontend ./
RUN npm run build

FROM python:3.11.15-slim-bookworm AS packages
RUN python -m venv /venv
COPY requirements/base.txt requirements/base.txt
RUN /venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir -r requirements/base.txt

FROM python:3.11.15-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin taskdeck
# An empty volume takes its owner from what it is mounted over.
RUN install -d -o taskdeck -g taskdeck -m 0700 /files
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TASKDECK_DATA_DIR=/tmp/taskdeck TASKDECK_FILES_DIR=/files
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY taskqueue_site taskqueue_site
COPY tasks_app tasks_app
COPY worker worker
COPY --from=console /build/tasks_app/static/console tasks_app/static/console
RUN python -m compileall -q manage.py taskqueue_site tasks_app worker
USER taskdeck
EXPOSE 8000
