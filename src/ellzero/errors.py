"""Exception classes, one for each kind of trouble, with stable codes."""


class EllzeroError(Exception):
    """Base of every error that ellzero raises on purpose; `code` is stable and documented."""

    code = "EZ000"


class ArgumentError(EllzeroError, ValueError):
    """An argument is outside its range, or two arguments contradict each other."""

    code = "EZ100"


class DataError(EllzeroError, ValueError):
    """The data cannot answer the question: wrong shape, missing values, separable classes."""

    code = "EZ200"


class InfeasibleError(EllzeroError, ValueError):
    """No support satisfies the rules."""

    code = "EZ300"


class UnsupportedError(EllzeroError, ValueError):
    """A solver was named that cannot treat this problem; the message says why and what can."""

    code = "EZ400"


class CertificateError(EllzeroError, ValueError):
    """A certificate is unreadable, belongs to other data, or does not prove what it claims."""

    code = "EZ500"


class MissingExtraError(EllzeroError, ImportError):
    """An optional dependency is not installed; the message holds the one `pip install` line."""

    code = "EZ600"


class OutputError(EllzeroError, OSError):
    """A file cannot be written; nothing partial is left behind."""

    code = "EZ700"


class EllzeroWarning(UserWarning):
    """Something the user should know that does not change the question."""
