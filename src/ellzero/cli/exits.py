"""Exit codes of the command, and the one exception that carries a sentence and a code to the surface."""

from enum import IntEnum


class Exit(IntEnum):
    """What the command answers to the shell."""

    DONE = 0  # also at the time limit: the table says which sizes are proven
    REFUSED = 1  # `verify`: the certificate does not prove its claim about these data
    USAGE = 2  # unknown command or flag, value out of range
    DATA = 3  # missing file or column, unreadable file, data that cannot answer the question
    INFEASIBLE = 4  # no model satisfies --forced, --forbidden and --k together
    EXTRA = 6  # an optional dependency is missing; the message holds the pip line
    OUTPUT = 7  # a file cannot be written; nothing partial is left
    BUG = 70  # a mistake of ellzero's own
    INTERRUPTED = 130  # Ctrl-C; the best answer so far has been written


class Stop(Exception):
    """End the command with a sentence for the user.

    Parameters
    ----------
    exit : Exit
        Code for the shell.
    sentence : str
        What happened, where, and what to do, in the words the user typed.
    """

    def __init__(self, exit: Exit, sentence: str):
        super().__init__(sentence)
        self.exit = exit
