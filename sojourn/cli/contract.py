"""`sojourn spec`: the contract."""

import sys
from pathlib import Path

import click

from sojourn.openapi.loader import bundle_json, bundle_yaml, load_bundle


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "yaml"]),
    default="yaml",
    show_default=True,
    help="The form to print.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; folders are made. Without it: standard output.",
)
def spec(form: str, output: Path | None) -> None:
    """Print the contract (OpenAPI 3.0.3) as one document, as served at /openapi.json."""
    bundle = load_bundle()
    text = bundle_json(bundle) if form == "json" else bundle_yaml(bundle)
    if output is None:
        sys.stdout.buffer.write(text)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(text)
