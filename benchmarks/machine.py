"""What a result depends on and does not say by itself: the machine and the versions."""

import json
import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "aiosqlite", "connexion", "fastapi", "httptools", "jsonschema-rs", "litestar", "msgspec", "orjson", "pydantic",
    "PyJWT", "sojourn", "SQLAlchemy", "sqlmodel", "starlette", "uvicorn", "uvloop",
)  # fmt: skip
_NODE_PACKAGES = (
    "@fastify/jwt", "better-auth", "better-sqlite3", "express", "express-openapi-validator", "fastify",
)  # fmt: skip
_NODE_FOLDER = Path(__file__).parent / "peers" / "node"


def describe_machine() -> dict[str, str]:
    """Processor, cores, kernel."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
    }


def describe_versions() -> dict[str, str]:
    """The versions of everything that is measured or measures."""
    found = {"Python": platform.python_version(), "SQLite in Python": sqlite3.sqlite_version}
    found["Node"] = _first_line(["node", "--version"]).removeprefix("v")
    found["wrk"] = _first_line(["wrk", "--version"]).removeprefix("wrk ").partition(" ")[0]
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    for name in _NODE_PACKAGES:
        package = _NODE_FOLDER / "node_modules" / name / "package.json"
        if package.exists():
            found[name] = _package_version(package)
    return found


def load_average() -> float:
    """How many processes wanted a processor in the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0].strip()


def _package_version(package: Path) -> str:
    return str(json.loads(package.read_text("utf-8"))["version"])
