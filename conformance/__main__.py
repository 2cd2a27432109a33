"""`python -m conformance URL …`."""

import sys

from conformance.commandline import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
