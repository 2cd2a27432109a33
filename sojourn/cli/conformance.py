"""`sojourn conformance`: check a server from outside."""

import subprocess
import sys

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="URL --api-key K --admin-token T [OPTIONS]")
@click.pass_context
def conformance(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Judge any server that claims the contract, over HTTP; `--help` lists the options.

    Runs `python -P -m sojourn.conformance` as a process of its own, which reads no code from the current folder, and
    leaves with its status: 0 pass, 1 fail, 2 partial, 3 it could not work. Its requirements are not those of the
    service: `pip install sojourn[conformance]`.
    """
    done = subprocess.run([sys.executable, "-P", "-m", "sojourn.conformance", *arguments], check=False)  # noqa: S603 - ours
    ctx.exit(done.returncode)
