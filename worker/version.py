"""The version a worker tells; that of the installed package, or of the source tree."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("taskdeck")
except PackageNotFoundError:
    VERSION = "0.1.0"
