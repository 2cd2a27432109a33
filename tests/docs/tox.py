"""A `tox` for the guides: running one inside another would never end, so this asks whether the environment exists."""

import configparser
import sys
from pathlib import Path

TOX = Path(__file__).parents[2] / "tox.ini"


def main(arguments: list[str]) -> int:
    flag, name = arguments
    environments = configparser.ConfigParser()
    environments.read(TOX)
    assert flag == "-e"
    assert environments[f"testenv:{name}"]["commands"]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
