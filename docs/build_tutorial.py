"""Runs the scripts of the lesson, saves their figures and puts the numbers that they print into the page.

Figures of the page on how to see geometry are saved, too, by the scripts that are no part of the lesson.

    python docs/build_tutorial.py

The page holds each number between two comments, `<!-- script: label -->4<!-- -->`, where `script` is the number of the
script and `label` what it prints the number under. A table stands between its comments on lines of its own.
"""

import io
import re
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path

DOCS = Path(__file__).resolve().parent
EXAMPLES = DOCS.parent / "examples"
PAGE = DOCS / "tutorials" / "why-l1-is-sparse.md"
FIGURES = {room: DOCS / room / "figures" for room in ("tutorials", "how-to")}
OTHERS = [EXAMPLES / "quartic.py", EXAMPLES / "planes.py"]
MARKED = re.compile(r"<!-- (\d): (.+?) -->(.*?)<!-- -->", re.DOTALL)


def scripts():
    """The lesson's scripts by number."""
    return {path.name[5]: path for path in sorted(EXAMPLES.glob("plot_[0-9]_*.py"))}


def printed(script, folder=None):
    """What a script prints, by label; with a folder it saves its figures there."""
    before, out = (sys.argv, sys.path), io.StringIO()
    sys.argv, sys.path = [str(script), *([] if folder is None else [str(folder)])], [str(EXAMPLES), *sys.path]
    try:
        with redirect_stdout(out):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path = before
    return parsed(out.getvalue())


def parsed(text):
    """Labels and values of a script's output: `label: value`, or `label:` and lines up to an empty one."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if line.endswith(":"):
            block = []
            for inner in lines:
                if not inner:
                    break
                block.append(inner)
            found[line[:-1]] = "\n\n" + "\n".join(block) + "\n\n"
        else:
            label, _, value = line.rpartition(": ")
            found[label] = value
    return found


def filled(page, numbers):
    """The page with the numbers of the scripts: a mapping of (script's number, label) to text."""
    return MARKED.sub(lambda m: f"<!-- {m[1]}: {m[2]} -->{numbers[m[1], m[2]]}<!-- -->", page)


def main():
    """Build the page."""
    numbers = {}
    for number, script in scripts().items():
        for label, value in printed(script, FIGURES["tutorials"]).items():
            numbers[number, label] = value
            sys.stdout.write(f"{number}: {label}: {value.strip()}\n")
    for script in OTHERS:
        printed(script, FIGURES["how-to"])
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
