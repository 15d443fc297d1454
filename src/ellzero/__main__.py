"""`python -m ellzero`: the same command."""

import sys

from ellzero.cli import main

if __name__ == "__main__":
    sys.exit(main())
