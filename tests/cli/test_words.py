"""Small commands and the parsing of flags."""

import os
import re
import subprocess
import sys

import pytest

from ellzero.cli.explain import ALIASES, GLOSSARY
from ellzero.cli.options import parse_fraction, parse_seconds


def test_help_lists_the_commands_and_exit_codes(run):
    ran = run("--help")
    assert ran.code == 0
    for name in ("select", "compare", "predict", "verify", "demo", "doctor", "explain", "Exit codes: 0 done"):
        assert name in ran.out
    assert run().out == ran.out


def test_help_shows_defaults(run):
    ran = run("select", "--help")
    text = " ".join(ran.out.replace("│", " ").split())
    for default in (
        "[default: auto]",
        "[default: 60s]",
        "[default: 1%]",
        "[default: 0.0001%]",
        "Default: bic, or ebic",
    ):
        assert default in text


def test_version(run):
    from importlib.metadata import version

    assert run("--version").out.strip() == version("ellzero")


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from ellzero.cli import main; main(['--help']); "
        "heavy = {'numpy', 'scipy', 'sklearn', 'numba', 'pandas', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_module_runs_as_the_command():
    ran = subprocess.run(
        [sys.executable, "-m", "ellzero", "explain", "gap"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("gap\n  ")
    ran = subprocess.run([sys.executable, "-m", "ellzero", "predict"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["doktor"], 'Unknown command "doktor". Did you mean "doctor"?'),
        (["select", "a.csv"], "--target"),
        (["select", "a.csv", "--target", "y", "--tsk", "linear"], "Unknown option: --tsk. Did you mean --task?"),
        (["select", "a.csv", "--target", "y", "--task", "lin"], '"linear"'),
        (["select", "a.csv", "--target", "y", "--k", "two"], "--k"),
        (["select", "a.csv", "--target", "y", "--within", "one"], '"one" is not a fraction: write 1% or 0.01.'),
        (["select", "a.csv", "--target", "y", "--time-limit", "1y"], '"1y" is not a time: write 60, 60s, 2m or 1h.'),
        (["select", "a.csv", "--target", "y", "--k", "1", "--max-k", "2"], "--k asks for one size and --max-k for all"),
        (["select", "a.csv", "--target", "y", "-o", "a.xls"], "one of .json, .csv, .md, .tex, .html"),
        (["predict", "m.json", "a.csv", "-o", "a.json"], "one of .csv"),
        (["explain", "gpa"], 'no entry "gpa". Did you mean "gap"?'),
    ],
)
def test_usage(run, words, message):
    ran = run(*words)
    assert ran.code == 2
    assert message in ran.error
    assert ran.out == ""


def test_fractions_and_times():
    assert [parse_fraction(text) for text in ("1%", "0.01", " 2.5 % ", "0")] == [0.01, 0.01, 0.025, 0]
    assert [parse_seconds(text) for text in ("90", "1.5s", "2m", "2 min", "1h")] == [90, 1.5, 120, 120, 3600]
    for text in ("-1%", "nan", "inf", "", "%", "1%%"):
        with pytest.raises(ValueError, match="is not a fraction"):
            parse_fraction(text)
    for text in ("-1", "0", "1d", "s", "", "1e3"):
        with pytest.raises(ValueError, match="is not a time"):
            parse_seconds(text)


def test_every_word_is_explained(run):
    listed = run("explain").out
    for word in GLOSSARY:
        assert word in listed
        assert run("explain", *word.split()).out.startswith(f"{word}\n")
    assert set(ALIASES.values()) <= set(GLOSSARY)
    assert run("explain", "Proven").out.startswith("status\n")


def test_doctor(run):
    ran = run("doctor")
    assert ran.code == 0
    for name in ("ellzero", "python", "numpy", "numba", "cores", "kernels", "[data]"):
        assert f"\n{name} " in "\n" + ran.out


def test_a_bug_is_owned_and_shows_a_traceback_only_when_asked(run, monkeypatch):
    def broken():
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("ellzero.cli.app.build", broken)
    ran = run("doctor")
    assert ran.code == 70
    assert ran.error.startswith("a bug in ellzero (ZeroDivisionError: by nought). Nothing partial was written.")
    assert "ellzero doctor" in ran.error
    assert "Traceback" not in ran.err
    assert "Traceback" in run("doctor", "-vv").err


def test_an_early_interrupt(run, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("ellzero.cli.app.build", interrupted)
    ran = run("doctor")
    assert (ran.code, ran.error) == (130, "interrupted before there was an answer. Nothing was written.")


@pytest.mark.slow
def test_doctor_compiles_every_kernel(tmp_path):
    """In a process with an empty cache; two lines say the state before and after."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-m", "ellzero", "doctor", "--warm"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    before, after = re.findall(r"^kernels +(\d+) of (\d+) compiled", ran.stdout, re.MULTILINE)
    assert before[0] == "0"
    assert after[0] == after[1] == before[1] != "0"
    assert "compiling: logistic loss" in ran.stdout
