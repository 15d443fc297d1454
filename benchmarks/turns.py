"""What the benchmarks share: an environment for the rivals, pinned processes in turns, and the machine in a line."""

import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def environment(folder, requirements):
    """Interpreter of an environment made on first use."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


class Worker:
    """A process on the cores named (-1: any) that answers each line with a line of JSON.

    A process that says nothing for ``patience`` seconds is ended, and answers None from then on.
    """

    def __init__(self, command, cores="-1", extra=None, cwd=None):
        pin = [] if str(cores) == "-1" else ["taskset", "-c", str(cores)]
        self.process = subprocess.Popen(
            [*pin, *map(str, command)],
            env=os.environ | ONE_THREAD | (extra or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
        )

    def ask(self, request, patience=None):
        """Answer to one request, or None where the process has ended."""
        timer = threading.Timer(patience, self.process.kill) if patience else None
        try:
            if timer:
                timer.start()
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except (BrokenPipeError, ValueError):
            return None
        finally:
            if timer:
                timer.cancel()
        return json.loads(line) if line else None

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def machine():
    """What the figures were taken on, in a line."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line), model
        )
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
