"""`python -m sojourn.conformance URL …`."""

import sys

from sojourn.conformance.commandline import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
