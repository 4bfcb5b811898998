"""``manage.py`` of a worker that keeps what it holds: with it the offers to idle workers are compared."""

from __future__ import annotations

import sys
from unittest import mock

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    with mock.patch("worker.claims.Claims.look"):
        execute_from_command_line(sys.argv)
