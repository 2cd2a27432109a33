"""`python deploy/release` makes what a release consists of, in dist/.

The wheels and the sources of the program and of its verifier, the contract, a list of what the program is made of
(CycloneDX), the licences of that, a statement of where the files come from (in-toto, SLSA provenance), and the
checksums of all. Two runs on one commit with the same dependencies give the same bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent.parent
NO_SOURCES = (".*", "node_modules", "__pycache__", "*.egg-info", "*.db", "*.db-*")
"""What tools leave anywhere in a checkout."""
BUILT = {"build", "dist", "reports"}
"""What our own commands make at its top."""
FORBIDDEN_LICENCES = ("AGPL", "GNU AFFERO", "GNU GENERAL PUBLIC", "SSPL", "BUSL", "UNKNOWN")
"""Parts of names of licences that nobody can be asked to take on by installing this program."""


def main() -> None:
    """Make the release, or say in one line why not."""
    parser = argparse.ArgumentParser(description="Make the files of a release.")
    parser.add_argument("--output", type=Path, default=HOME / "dist", help="the folder (it is emptied first)")
    output = parser.parse_args().output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch())
    with tempfile.TemporaryDirectory() as place:
        sources = Path(place) / "sources"
        copy(sources)
        build(sources, output)
        python = installed(Path(place) / "venv", next(output.glob("sojourn-*.whl")))
        contract(python, output)
        materials(python, output)
        licences(python, output)
    provenance(output)
    checksums(output)
    for file in sorted(output.iterdir()):
        print(f"{file.stat().st_size:>10,}  {file.name}")


def git(*arguments: str) -> str | None:
    """What git says of the checkout, or None where the history is absent."""
    found = subprocess.run(["git", "-C", str(HOME), *arguments], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def epoch() -> int:
    """The instant that every file of the release carries, in seconds since 1970, UTC: the commit's.

    `SOURCE_DATE_EPOCH` goes before it, as https://reproducible-builds.org/specs/source-date-epoch/ says.
    """
    said = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    if not said:
        sys.exit("release: no git history here: set SOURCE_DATE_EPOCH to the seconds since 1970 of the release")
    return int(said)


def copy(sources: Path) -> None:
    """The checkout without what is built in it, so that nothing of an earlier build gets into the release."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        return shutil.ignore_patterns(*NO_SOURCES)(folder, names) | (BUILT if Path(folder) == HOME else set())

    shutil.copytree(HOME, sources, symlinks=True, ignore=left_out)


def build(sources: Path, output: Path) -> None:
    """The wheel and the sources, of the verifier too.

    setuptools dates the files of a wheel; an archive of sources is dated here.
    """
    for project in (sources, sources / "clients" / "python"):
        run(sys.executable, "-m", "build", "--outdir", str(output), str(project))
    for archive in output.glob("*.tar.gz"):
        archive.write_bytes(dated(archive.read_bytes(), epoch()))


def dated(archive: bytes, instant: int) -> bytes:
    """A .tar.gz with its members in order, of nobody, and all of one instant."""
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as old,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = instant, 0, 0, "", ""
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return gzip.compress(plain.getvalue(), mtime=instant)


def installed(place: Path, wheel: Path) -> str:
    """The Python of a new virtual environment that has the wheel, its extra `postgres`, and what these need."""
    run(sys.executable, "-m", "venv", str(place))
    python = str(place / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[postgres]")
    return python


def contract(python: str, output: Path) -> None:
    """The contract as one document, as the installed program prints it."""
    for form in ("json", "yaml"):
        run(python, "-m", "sojourn", "spec", "--format", form, "--output", str(output / f"openapi.{form}"))


def materials(python: str, output: Path) -> None:
    """A software bill of materials: what is in the environment of an installed Sojourn, with versions."""
    command = ["cyclonedx-py", "environment", "--output-reproducible", "--pyproject", str(HOME / "pyproject.toml")]
    run(*command, "--output-file", str(output / f"sojourn-{version()}.cdx.json"), python)


def licences(python: str, output: Path) -> None:
    """The licence of each distribution that is installed with Sojourn, as a table. Ends where one cannot be used."""
    listed = json.loads(printed("pip-licenses", f"--python={python}", "--from=mixed", "--format=json"))
    rows = [(row["Name"], row["Version"], row["License"]) for row in listed if row["Name"] != "sojourn"]
    if wrong := [row for row in rows if any(part in row[2].upper() for part in FORBIDDEN_LICENCES)]:
        sys.exit(f"release: licences that do not go with ours: {wrong}")
    lines = [
        "# Licences of what Sojourn is installed with",
        "",
        "| distribution | version | licence |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {number} | {licence} |" for name, number, licence in sorted(rows, key=lambda r: r[0].lower())
    ]
    (output / "LICENCES.md").write_text("\n".join(lines) + "\n", "utf-8")


def provenance(output: Path) -> None:
    """An in-toto statement with SLSA provenance v1: which files, from which commit, made by what. It is not signed."""
    commit, dirty = git("rev-parse", "HEAD"), git("status", "--porcelain")
    source = project()["urls"]["Source"]
    dependencies: list[dict[str, Any]] = []
    if commit:
        dependencies.append({"uri": f"git+{source}", "digest": {"gitCommit": commit}})
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in digests(output)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{source}/blob/main/deploy/release/README.md",
                "externalParameters": {"source": source, "commit": commit, "uncommitted_changes": bool(dirty)},
                "internalParameters": {"SOURCE_DATE_EPOCH": epoch(), "python": sys.version.split()[0]},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": f"{source}/blob/main/tox.ini"},
                "metadata": {"startedOn": datetime.fromtimestamp(epoch(), UTC).isoformat().replace("+00:00", "Z")},
            },
        },
    }
    (output / f"sojourn-{version()}.provenance.json").write_text(json.dumps(statement, indent=2) + "\n", "utf-8")


def checksums(output: Path) -> None:
    """SHA256SUMS, which `sha256sum --check` reads."""
    lines = [f"{digest}  {name}\n" for name, digest in digests(output)]
    (output / "SHA256SUMS").write_text("".join(lines), "utf-8")


def digests(output: Path) -> Iterator[tuple[str, str]]:
    """The SHA-256 of each file that is there, by name."""
    for file in sorted(output.iterdir()):
        yield file.name, hashlib.sha256(file.read_bytes()).hexdigest()


def project() -> dict[str, Any]:
    """The project's table in pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def version() -> str:
    """The version that the wheel has."""
    said: dict[str, str] = {}
    exec((HOME / "sojourn" / "__init__.py").read_text("utf-8"), said)  # noqa: S102
    return said["__version__"]


def run(*command: str) -> None:
    """Run a command. What it prints is shown only where it fails."""
    printed(*command)


def printed(*command: str) -> str:
    """What a command prints. Ends with it where the command fails."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)
    if done.returncode:
        sys.exit(f"release: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
