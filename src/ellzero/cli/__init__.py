"""The `ellzero` command.

Nothing heavy is imported here or in `app`: `ellzero --help` must answer at once. Each command lives in the module of
its name and is loaded when it is called.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 done, 1 certificate refused, 2 usage, 3 data, 4 nothing feasible, 6 an extra is missing, 7 cannot write,
        70 a bug, 130 interrupted.
    """
    from . import app

    return app.run(list(sys.argv[1:] if argv is None else argv))
