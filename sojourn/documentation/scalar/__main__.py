"""`python -m sojourn.documentation.scalar`: is the script what was published?"""

import sys

from sojourn.documentation.scalar import main

sys.exit(main(sys.argv[1:]))
