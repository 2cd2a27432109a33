"""The layout: one wheel name, packages linked and mapped alike, and what no linter of imports can see."""

import ast
import importlib
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import sojourn
from tests.tree import parsed

HOME = Path(__file__).parent.parent
PROGRAM = HOME / "sojourn"
PROJECT: dict[str, Any] = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS: dict[str, Any] = PROJECT["tool"]["setuptools"]
LINKS = {path.name: path.readlink() for path in PROGRAM.iterdir() if path.is_symlink()}
OTHER_CLOCKS = {
    *(
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "date.today",
        "datetime.date.today",
    ),
    *("time.time", "time.time_ns", "time.gmtime", "time.localtime"),
}
READS_THE_CLOCK = ("sojourn.app", "sojourn.cli", "sojourn.serving")


def packages() -> Iterator[str]:
    """Every folder below `sojourn` that is a package, links followed."""
    for folder, _, files in os.walk(PROGRAM, followlinks=True):
        if "__init__.py" in files:
            yield ".".join(Path(folder).relative_to(HOME).parts)


@cache
def imports() -> list[tuple[str, str]]:
    """Every import of the program: the importing module, and the imported name in full."""
    return list(_imports())


def _imports() -> Iterator[tuple[str, str]]:
    for package in packages():
        for file in (HOME / package.replace(".", "/")).glob("*.py"):
            module = f"{package}.{file.stem}".removesuffix(".__init__")
            for node in ast.walk(parsed(file)):
                if isinstance(node, ast.Import):
                    yield from ((module, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{module}: a relative import"
                    yield from ((module, f"{node.module}.{alias.name}") for alias in node.names)


def test_the_wheel_puts_nothing_but_sojourn_at_its_top() -> None:
    assert {name.partition(".")[0] for name in SETUPTOOLS["packages"]} == {"sojourn"}
    assert "py-modules" not in SETUPTOOLS


def test_every_package_is_in_the_wheel() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(packages())


def test_each_folder_is_linked_and_mapped_alike() -> None:
    assert {name: Path("..") / name for name in LINKS} == LINKS
    assert SETUPTOOLS["package-dir"] == {f"sojourn.{name}": name for name in LINKS}
    assert set(LINKS) == {"conformance", "console", "domain", "handlers", "openapi", "storage"}


def test_no_module_is_imported_by_the_name_of_its_folder() -> None:
    assert [found for found in imports() if found[1].partition(".")[0] in LINKS] == []


def test_the_domain_imports_nothing_but_itself_and_the_standard_library() -> None:
    strangers = {
        (module, name)
        for module, name in imports()
        if module.startswith("sojourn.domain")
        and not name.startswith("sojourn.domain.")
        and name.partition(".")[0] not in sys.stdlib_module_names
    }

    assert strangers == set()


def test_the_clock_is_read_only_where_the_program_is_put_together_and_run() -> None:
    readers = {module for module, name in imports() if name == "sojourn.domain.clock.utc_now"}

    assert {module for module in readers if not module.startswith(READS_THE_CLOCK)} == set()


def test_the_time_of_day_is_read_in_one_place_of_the_program_and_in_one_of_the_suite() -> None:
    found = {
        f"{folder.name}/{file.relative_to(folder)}: {ast.unparse(node.func)}"
        for folder in (PROGRAM, *(HOME / name for name in LINKS))
        for file in folder.rglob("*.py")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func) in OTHER_CLOCKS
    }

    assert found == {f"domain/clock.py: {read}" for read in ("datetime.now", "time.time")} | {
        "conformance/instants.py: datetime.now"
    }


def test_both_engines_are_known_to_one_module() -> None:
    both = {
        module
        for module, name in imports()
        if name.startswith("sojourn.storage.sqlite.") and not module.startswith("sojourn.storage.sqlite")
    } | {
        module
        for module, name in imports()
        if name.startswith("sojourn.storage.postgres.") and not module.startswith("sojourn.storage.postgres")
    }

    assert both == {"sojourn.storage.engines"}


def test_the_version_is_said_once() -> None:
    assert version("sojourn") == sojourn.__version__
    assert "version" in PROJECT["project"]["dynamic"]


def test_type_checkers_are_told_of_the_types() -> None:
    assert (PROGRAM / "py.typed").exists()
    assert "py.typed" in SETUPTOOLS["package-data"]["sojourn"]


def test_an_index_page_has_no_link_that_leads_nowhere() -> None:
    namespace: dict[str, Any] = {"__file__": str(HOME / "setup.py")}
    exec(compile((HOME / "setup.py").read_text("utf-8").partition("\nsetup(")[0], "setup.py", "exec"), namespace)

    found = re.findall(r"\]\(([^)]+)\)", namespace["index_page"]())

    assert len(found) > 15
    assert [link for link in found if not link.startswith("https://")] == []
    source = PROJECT["project"]["urls"]["Source"]
    for link in found:
        path = re.sub(rf"^{re.escape(source)}/(blob|raw)/[^/]+/", "", link)
        assert (HOME / path).exists(), link


@pytest.mark.parametrize(("folder", "least"), [("cluster", 4), ("faults", 4), ("image", 2), ("upgrade/beside", 4)])
def test_what_the_ordinary_run_leaves_out_can_be_imported(folder: str, least: int) -> None:
    """A name that was moved is missed there only when somebody has hours, or a cluster."""
    modules = [file.relative_to(HOME) for file in (HOME / "tests" / folder).glob("*.py")]
    assert len(modules) >= least
    for module in modules:
        importlib.import_module(".".join(module.with_suffix("").parts))
