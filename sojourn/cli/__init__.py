"""The command line: `sojourn`.

Errors are one line on standard error, with an exit status other than 0. Results are on standard output. Settings are
read from flags, then `SOJOURN_*` variables, then the configuration file, then defaults.
"""

import sys
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import click

from sojourn.serving.collection import leave_without_collecting, uncollected
from sojourn.settings import SettingsError

INTERRUPTED = 130

COMMANDS = {
    "serve": "sojourn.cli.serve:serve",
    "gateway": "sojourn.cli.gateway:gateway",
    "demo": "sojourn.cli.demo:demo",
    "migrate": "sojourn.cli.migrate:migrate",
    "config": "sojourn.cli.config:config",
    "token": "sojourn.cli.token:token",
    "keys": "sojourn.cli.keys:keys",
    "api-key": "sojourn.cli.api_keys:api_key",
    "tenant": "sojourn.cli.tenants:tenant",
    "policy": "sojourn.cli.policies:policy",
    "restore": "sojourn.cli.restore:restore",
    "session": "sojourn.cli.sessions:session",
    "plan": "sojourn.cli.plans:plan",
    "end-sessions": "sojourn.cli.end_sessions:end_sessions",
    "import": "sojourn.cli.imports:import_sessions",
    "purge": "sojourn.cli.purge:purge",
    "check": "sojourn.cli.check:check",
    "audit": "sojourn.cli.audit:audit",
    "events": "sojourn.cli.events:events",
    "webhook": "sojourn.cli.webhooks:webhook",
    "seed": "sojourn.cli.seed:seed",
    "spec": "sojourn.cli.contract:spec",
    "dev": "sojourn.cli.dev:dev",
    "conformance": "sojourn.cli.conformance:conformance",
}


GROUPS = {
    "Look around": ("demo",),
    "Serve": ("serve", "gateway", "migrate", "config"),
    "Keys, tokens and tenants": ("api-key", "keys", "token", "tenant", "policy"),
    "Look after the data": ("purge", "check", "audit", "events", "webhook", "seed", "restore"),
    "Sessions": ("session", "plan", "end-sessions", "import"),
    "The contract": ("spec", "dev", "conformance"),
}
"""The commands as `--help` shows them."""


class CommandsOnDemand(click.Group):
    """Imports a command when it is called: `sojourn token` need not wait for the server's modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which people need them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands group by group, each with its whole first sentence."""
        for heading, names in GROUPS.items():
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, one.get_short_help_str(limit=200)) for name, one in found if one is not None]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named; an unknown name is reported with the nearest ones."""
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = get_close_matches(name, COMMANDS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `sojourn --help`"
        raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with uncollected():
            command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=CommandsOnDemand, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sojourn", message="sojourn %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings in TOML. [SOJOURN_CONFIG; sojourn.toml where it is]",
)
def sojourn(config: Path | None) -> None:
    """A session service: who is signed in, on which device, for every tenant.

    Try `sojourn demo` first: it needs nothing and serves made-up data. For real use make a key with
    `sojourn api-key create`, then start `sojourn serve`.
    """


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its name, in the order in which people need them."""
    context = click.Context(sojourn, info_name="sojourn", **sojourn.context_settings)
    for name in COMMANDS:
        command = sojourn.get_command(context, name)
        if command is not None:
            yield name, command


def main() -> None:
    """Run the command line and leave with its status."""
    leave_without_collecting()
    # Connexion imports a test client that warns about its dependencies; operators can do nothing about it.
    warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")
    try:
        status = sojourn.main(prog_name="sojourn", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
        status = help_wanted.exit_code
    except click.ClickException as error:
        status = _complain(error.format_message(), error.exit_code)
    except SettingsError as error:
        status = _complain(str(error), 2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the output has closed it
        status = 1
    except OSError as error:
        status = _complain(_told(error), 1)
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    sys.exit(status if isinstance(status, int) else 0)


def _told(error: OSError) -> str:
    place = "" if error.filename is None else f"{error.filename}: "
    return f"{place}{error.strerror or error}"


def _complain(message: str, status: int) -> int:
    click.echo("sojourn: " + " ".join(message.split()), err=True)
    return status
