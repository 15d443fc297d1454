"""Writing files whole or not at all."""

import json
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .._files import write_whole
from . import messages
from .options import STDIN


def check_targets(files: Iterable[tuple[str, Path]], data: str) -> None:
    """Find out before the search, not after it, that a file cannot be written.

    Parameters
    ----------
    files : iterable of (str, Path)
        Flags and the files they name.
    data : str
        The table that is read, which must not be overwritten.
    """
    taken = {Path(data).resolve()} if data != STDIN else set()
    for flag, path in files:
        if str(path) == STDIN:
            raise messages.stdout_is_for_json(flag)
        if path.resolve() in taken:
            raise messages.same_file_twice(str(path))
        taken.add(path.resolve())
        folder = path.resolve().parent
        if not folder.is_dir():
            raise messages.cannot_write(str(path), f'there is no folder "{path.parent}"')
        if path.is_dir():
            raise messages.cannot_write(str(path), "it is a folder")
        if not os.access(folder if not path.exists() else path, os.W_OK):
            raise messages.cannot_write(str(path), "permission denied")


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; see `write_whole`."""
    try:
        write_whole(path, fill)
    except OSError as error:
        raise messages.cannot_write(str(path), error.strerror or str(error)) from None


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8."""
    write(path, lambda draft: draft.write_text(text, encoding="utf-8", newline="\n"))


def to_json(data: Any) -> str:
    """JSON that every reader takes: numbers that are not finite become null."""
    return json.dumps(finite(data), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def finite(data: Any) -> Any:
    """Replace infinities and NaN by None and NumPy's numbers by Python's, all the way down."""
    if isinstance(data, dict):
        return {str(key): finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [finite(value) for value in data]
    if hasattr(data, "tolist"):
        return finite(data.tolist())
    return None if isinstance(data, float) and not math.isfinite(data) else data
