"""What pyproject.toml cannot say: the README's links lead into the repository, on an index page to its address."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent


def index_page() -> str:
    """The README with absolute links: those of the released version."""
    source = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Source"]
    text = (HERE / "sojourn/__init__.py").read_text("utf-8")
    release = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if release is None:
        raise ValueError("sojourn/__init__.py says no version")
    return re.sub(
        r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)",
        lambda link: f"{link[1]}[{link[2]}]({source}/{'raw' if link[1] else 'blob'}/v{release[1]}/{link[3]})",
        (HERE / "README.md").read_text("utf-8"),
    )


setup(long_description=index_page(), long_description_content_type="text/markdown")
