"""What goes to the screen: answers on stdout, notes and progress on stderr."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .._progress import Event, OnProgress
from ..errors import EllzeroWarning


@dataclass(frozen=True, slots=True)
class Console:
    """The two streams and how much to say on them.

    Parameters
    ----------
    quiet : bool
        No notes and no progress.
    verbose : int
        From 1 on, what the search does goes to stderr in lines, terminal or not.
    colour : bool
        Whether the answer may be highlighted on a terminal.
    """

    quiet: bool = False
    verbose: int = 0
    colour: bool = True

    def data(self, text: str) -> None:
        """Write the answer."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def note(self, text: str) -> None:
        """Write what the user should know beside the answer."""
        if not self.quiet:
            sys.stderr.write(f"note: {text}\n")

    def bold(self, line: str) -> str:
        """Highlight a line where that is wanted and possible."""
        wanted = self.colour and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return f"\x1b[1m{line}\x1b[0m" if wanted and os.environ.get("TERM") != "dumb" else line

    @contextmanager
    def notes_for_warnings(self) -> Iterator[None]:
        """Say the library's warnings as notes, each once."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", EllzeroWarning)
            yield
        for sentence in dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, EllzeroWarning)):
            self.note(sentence)

    @contextmanager
    def progress(self) -> Iterator[OnProgress | None]:
        """Yield what listens to the search: lines with -v, a moving line on a terminal, else nobody."""
        if self.verbose:
            yield lambda event: sys.stderr.write(f"{event.elapsed:7.1f} s  {sentence(event)}\n")
        elif self.quiet or not sys.stderr.isatty():
            yield None
        else:
            with moving_line(self.colour) as listen:
                yield listen


@contextmanager
def moving_line(colour: bool) -> Iterator[OnProgress]:
    """Show the latest event in one line that disappears at the end."""
    from rich.console import Console as RichConsole
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    terminal = RichConsole(stderr=True, no_color=not colour or None)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as progress:
        line = progress.add_task("starting", total=None)
        yield lambda event: progress.update(line, description=f"{sentence(event)}  (Ctrl-C keeps the best so far)")


def sentence(event: Event) -> str:
    """One line for one event.

    Examples
    --------
    >>> sentence(Event("branch", k=7, gap=0.013, n_nodes=1200))
    'branch: size 7, gap 1.3 %, 1200 nodes'
    """
    size = "" if event.k is None else f"size {event.k}"
    facts = [
        event.message or size,
        "" if event.gap is None else f"gap {100 * event.gap:.3g} %",
        "" if event.n_nodes is None else f"{event.n_nodes} nodes",
    ]
    return f"{event.stage}: {', '.join(fact for fact in facts if fact) or 'running'}"
