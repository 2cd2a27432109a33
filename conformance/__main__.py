"""`python -m sojourn.conformance URL …`."""

import sys

CANNOT_WORK = 3

try:
    from sojourn.conformance.commandline import main
except ModuleNotFoundError as error:
    print(
        f"conformance: {error.name} is not installed: run `pip install 'sojourn[conformance]'`, in a checkout"
        " `pip install '.[conformance]'`",
        file=sys.stderr,
    )
    sys.exit(CANNOT_WORK)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
