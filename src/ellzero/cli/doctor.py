"""`ellzero doctor`: what is installed and whether it works."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from .options import Flag

if TYPE_CHECKING:
    from .console import Console


def doctor(*, warm: Flag = False) -> int:
    """Print versions, threads, optional packages and the state of the compiled kernels.

    Parameters
    ----------
    warm
        Compile all kernels now, so that no later run has to.
    """
    from .console import Console

    console = Console()
    for name, value in facts().items():
        console.data(f"{name:<16} {value}")
    if warm:
        warm_up(console)
    return 0


def facts() -> dict[str, str]:
    """Everything a report of a bug needs, by name."""
    from . import kernels

    core, extras = requirements()
    found = {"ellzero": installed("ellzero"), "python": f"{platform.python_version()} ({sys.executable})"}
    found["system"] = platform.platform()
    found |= {name: installed(name) for name in core}
    found["cores"] = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    found["threads"] = ", ".join(
        f"{name}={value}" for name, value in sorted(os.environ.items()) if "_NUM_THREADS" in name
    )
    found["threads"] = found["threads"] or "not limited by the environment"
    found["kernels"] = kernels.describe()
    for extra, names in extras.items():
        present = [f"{name} {installed(name)}" for name in names if installed(name) != "absent"]
        absent = [name for name in names if installed(name) == "absent"]
        found[f"[{extra}]"] = ", ".join(present + [f"{name} absent" for name in absent])
    return found


def requirements() -> tuple[list[str], dict[str, list[str]]]:
    """Packages that ellzero needs, and those of each extra that users install."""
    core: list[str] = []
    extras: dict[str, list[str]] = {}
    for line in requires("ellzero") or []:
        package, _, condition = line.partition(";")
        name = package.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        if "extra ==" not in condition:
            core.append(name)
            continue
        extra = condition.split("extra ==")[1].strip(" '\")")
        if name != "ellzero" and extra not in ("all", "test", "docs", "bench"):
            extras.setdefault(extra, []).append(name)
    return core, extras


def installed(name: str) -> str:
    """Version of a package, or that it is absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def warm_up(console: "Console") -> None:
    """Solve one small problem of each kind, which compiles every kernel, and say how far it has got."""
    from . import kernels

    for message in kernels.compile_all():
        console.data(f"{'':<16} {message}")
    console.data(f"{'kernels':<16} {kernels.describe()}")
