"""The command, run in this process: fast, and every message is seen as the user sees it."""

import io
import json
import sys
from dataclasses import dataclass

import pytest

from ellzero.cli import main
from tables import csv_of, houses


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def error(self):
        """The one sentence of a failed run."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("error: ")


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command with these words; a keyword `stdin` is what it reads."""

    def call(*argv, stdin=""):
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        code = main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def chosen(run):
    """Run `select --json` and return the document."""

    def call(*words, **more):
        ran = run("select", *words, "--json", **more)
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return call


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into a fresh working directory and return its name there."""
    monkeypatch.chdir(tmp_path)

    def put(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return put


@pytest.fixture
def table(write):
    """houses.csv, with columns replaced or (None) left out by keyword; returns its name."""

    def make(name="houses.csv", delimiter=",", **changes):
        columns = {key: value for key, value in {**houses(), **changes}.items() if value is not None}
        return write(name, csv_of(columns, delimiter))

    return make
