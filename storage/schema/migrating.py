"""The way to the newest schema, step by step. Each step is one transaction, and the database records which steps are
done.

First every revision's `upgrade` (expand), then their backfills in batches; later, on command, what leaves (contract).
So a migration that was killed between two steps goes on with the next one. One migration runs at a time: the engines
hold a lock around it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect, text

from sojourn.storage.schema import progress
from sojourn.storage.schema.backfills import BATCH, Backfill, Batch, show_tenant
from sojourn.storage.schema.progress import Position
from sojourn.storage.schema.revisions import SchemaNewer, SchemaOutdated, differences, revision_of

HOME = Path(__file__).parent.parent / "migrations"
_OF_A_CHANGE = "its tables are locked for the change alone, some milliseconds; it waits 1 s for them, and tries again"
_OF_A_BATCH = f"{BATCH} rows at most are locked at a time, for some ten milliseconds"
_REFUSAL = "programs of older releases are refused from now on"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next. `line` tells an operator; a step that fills has the tenant and the batch that was read."""

    kind: str
    revision: str
    line: str
    tenant: str = ""
    batch: Batch | None = None

    @property
    def name(self) -> str:
        """What the step is noted under."""
        return f"{self.revision} {self.kind}"

    @property
    def changes_tables(self) -> bool:
        """Whether the step changes tables themselves, not rows."""
        return self.kind in ("stamp", "expand", "contract")


class Migration:
    """The steps to the newest revision of `folder`; with `contract`, to its end."""

    def __init__(self, folder: Path = HOME, *, contract: bool = False) -> None:
        self._folder = folder
        self._contract = contract
        self._scripts = list(ScriptDirectory.from_config(self._config()).walk_revisions())[::-1]
        self._last = self._scripts[-1].revision

    def look(self, connection: Connection) -> Step | None:
        """The next step; None when nothing is left. Only reads. Raises SchemaOutdated, SchemaNewer."""
        if _is_unnumbered(connection):
            if differences(connection):
                raise SchemaOutdated("of an unreleased version")
            return Step("stamp", self._last, "tables without a revision are those of this release: they are kept")
        for script in self._after(revision_of(connection)):
            return Step("expand", script.revision, f"{script.revision} expand: {_headline(script)}")
        for kind in self._fills():
            for script in self._with("backfill"):
                step = _next_batch(connection, Step(kind, script.revision, ""), backfill=script.module.backfill)
                if step is not None:
                    return step
        return self._next_contract(connection)

    def take(self, connection: Connection, step: Step) -> None:
        """Do a step that `look` has found, in the connection's transaction, and note it there."""
        if step.kind == "stamp":
            command.stamp(self._config(connection), step.revision)
            self._note_new(connection)
        elif step.kind == "expand":
            is_new = not inspect(connection).has_table("sessions")
            command.upgrade(self._config(connection), step.revision)
            if is_new:
                self._note_new(connection)
        elif step.kind == "contract":
            for script in self._with("contract"):
                if script.revision == step.revision:
                    with Operations.context(MigrationContext.configure(connection)):
                        script.module.contract()
            progress.note(connection, step.name, position=None)
            progress.require_program(connection, step.revision)
        elif step.batch is None:
            progress.note(connection, step.name, position=None)
        else:
            show_tenant(connection, step.tenant)
            (backfill,) = (script.module.backfill for script in self._scripts if script.revision == step.revision)
            backfill.write(connection, step.tenant, rows=step.batch.rows)
            progress.note(connection, step.name, position=Position(step.tenant, step.batch.after))

    def plan(self, connection: Connection) -> Iterator[str]:
        """What is left to do, a line each, and for how long it locks what. Raises SchemaOutdated, SchemaNewer."""
        current = revision_of(connection)
        if current is None:
            yield f"{self._last}: tables are made, or kept if they are those of this release"
            return
        for script in self._after(current):
            yield f"{script.revision} expand: {_headline(script)} ({_OF_A_CHANGE})"
        for kind in self._fills():
            for script in self._with("backfill"):
                if progress.position_of(connection, f"{script.revision} {kind}") is not None:
                    yield f"{script.revision} {kind}: {script.module.backfill.what} ({_OF_A_BATCH})"
        for script in self._with("contract") if self._contract else ():
            if progress.position_of(connection, f"{script.revision} contract") is not None:
                yield f"{script.revision} contract: {_headline(script)} ({_OF_A_CHANGE})"
        if self._contract and (progress.oldest_program(connection) or "") < self._last:
            yield f"{self._last} contract: {_REFUSAL}"

    def _fills(self) -> tuple[str, ...]:
        return ("fill", "fill again") if self._contract else ("fill",)

    def _next_contract(self, connection: Connection) -> Step | None:
        """The next revision that takes something away: on command, and where no older program can be."""
        oldest = progress.oldest_program(connection) or ""
        for script in self._with("contract"):
            step = Step("contract", script.revision, f"{script.revision} contract: {_headline(script)}")
            wanted = self._contract or oldest >= script.revision
            if wanted and progress.position_of(connection, step.name) is not None:
                return step
        if self._contract and oldest < self._last:
            return Step("contract", self._last, f"{self._last} contract: {_REFUSAL}")
        return None

    def _note_new(self, connection: Connection) -> None:
        """The tables are new: nobody has written anything, and no older program was ever promised to find them."""
        for script in self._with("backfill"):
            for kind in ("fill", "fill again"):
                progress.note(connection, f"{script.revision} {kind}", position=None)
        progress.require_program(connection, self._last)

    def _after(self, current: str | None) -> list[Script]:
        """The revisions after `current`, oldest first. Raises SchemaNewer when there is no such revision."""
        if current is None:
            return self._scripts
        known = [script.revision for script in self._scripts]
        if current in known:
            return self._scripts[known.index(current) + 1 :]
        raise SchemaOutdated(current) if current < known[0] else SchemaNewer(current)

    def _with(self, part: str) -> list[Script]:
        return [script for script in self._scripts if hasattr(script.module, part)]

    def _config(self, connection: Connection | None = None) -> Config:
        config = Config()
        config.set_main_option("script_location", HOME.as_posix())
        config.set_main_option("version_locations", (self._folder / "versions").as_posix())
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = connection
        return config


def _next_batch(connection: Connection, step: Step, *, backfill: Backfill) -> Step | None:
    """The next batch with something in it; after the last, the step that notes the end; None when that was noted."""
    position = progress.position_of(connection, step.name)
    if position is None:
        return None
    wanted = text("SELECT id FROM tenants WHERE id >= :since ORDER BY id")
    for (tenant,) in connection.execute(wanted, {"since": position.tenant}).all():
        show_tenant(connection, tenant)
        batch = backfill.read(connection, tenant, after=position.after if tenant == position.tenant else "")
        if batch.rows:
            line = f"{step.name}: {backfill.what}, tenant {tenant}, {len(batch.rows):,} rows"
            return Step(step.kind, step.revision, line, tenant=tenant, batch=batch)
    return Step(step.kind, step.revision, f"{step.name}: {backfill.what}, done")


def _is_unnumbered(connection: Connection) -> bool:
    return revision_of(connection) is None and inspect(connection).has_table("sessions")


def _headline(script: Script) -> str:
    """The first paragraph of the revision's own text, in one line."""
    return " ".join(script.longdoc.partition("\n\n")[0].split())
