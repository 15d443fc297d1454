"""Files are written whole or not at all."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ellzero.cli import output
from ellzero.cli.exits import Exit, Stop


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.md"
    output.write_text(path, "one ±\n")
    output.write_text(path, "two ±\n")
    assert path.read_text(encoding="utf-8") == "two ±\n"
    assert os.listdir(tmp_path) == ["a.md"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("old")

    def fill(draft):
        draft.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(Stop) as caught:
        output.write(path, fill)
    assert caught.value.exit == Exit.OUTPUT
    assert str(caught.value) == f'cannot write "{path}": No space left on device. Nothing was written there.'
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.md"]


def test_an_interrupt_leaves_nothing(tmp_path):
    def fill(draft):
        draft.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output.write(tmp_path / "a.md", fill)
    assert os.listdir(tmp_path) == []


def test_permissions_are_the_usual_ones_and_links_are_followed(tmp_path):
    plain, link = tmp_path / "a.md", tmp_path / "link.md"
    plain.touch()
    usual = plain.stat().st_mode
    output.write_text(tmp_path / "b.md", "new")
    assert (tmp_path / "b.md").stat().st_mode == usual
    plain.chmod(0o640)
    link.symlink_to(plain)
    output.write_text(link, "through")
    assert link.is_symlink()
    assert plain.read_text() == "through"
    assert plain.stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_not_replaced():
    output.write_text(Path("/dev/null"), "gone")
    assert not Path("/dev/null").is_file()


def test_targets_are_checked_before_the_work(tmp_path):
    data = tmp_path / "data.csv"
    data.touch()
    cases = [
        ([("-o", tmp_path / "no" / "a.md")], Exit.OUTPUT, "there is no folder"),
        ([("-o", tmp_path)], Exit.OUTPUT, "it is a folder"),
        ([("-o", data)], Exit.USAGE, "is named for two outputs, or is the data itself"),
        ([("-o", tmp_path / "a"), ("--model", tmp_path / "x" / ".." / "a")], Exit.USAGE, "is named for two outputs"),
        ([("-o", Path("<standard input>"))], Exit.USAGE, "-o - is not a file. For data on standard output use --json."),
    ]
    for files, code, message in cases:
        with pytest.raises(Stop) as caught:
            output.check_targets(files, str(data))
        assert caught.value.exit == code
        assert message in str(caught.value)


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a mode would not stop a test that runs as root
    with pytest.raises(Stop, match="permission denied"):
        output.check_targets([("-o", tmp_path / "a.md")], "data.csv")


def test_json_has_no_infinities():
    text = output.to_json({"a": np.float64("nan"), "b": [np.int64(3), (1.9, float("inf"))], 4: np.array([0.37])})
    assert json.loads(text) == {"a": None, "b": [3, [1.9, None]], "4": [0.37]}
