"""`sojourn spec`: the contract."""

import sys

import click

from openapi.loader import bundle_json, bundle_yaml, load_bundle


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "yaml"]),
    default="yaml",
    show_default=True,
    help="The form to print.",
)
def spec(form: str) -> None:
    """Print the contract (OpenAPI 3.0.3) as one document, as served at /openapi.json."""
    bundle = load_bundle()
    sys.stdout.buffer.write(bundle_json(bundle) if form == "json" else bundle_yaml(bundle))
