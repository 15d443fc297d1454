"""Writing files whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, fill: Callable[[Path], object]) -> None:
    """Have a file written beside its place and moved there when it is complete.

    Parameters
    ----------
    path : Path
        Where the file shall be; a link is followed, a pipe or a device is written to where it is.
    fill : callable
        Receives the name to write to, with the same ending.

    Raises
    ------
    OSError
        Nothing was left behind.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        fill(path)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        fill(draft)
        os.chmod(draft, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def umask() -> int:
    """Permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
