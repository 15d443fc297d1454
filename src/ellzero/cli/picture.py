"""What `ellzero geometry` does: from the flags to panels, from panels to files, sentences and JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import geometry as geo
from .. import plot
from ..errors import EllzeroError
from ..geometry import Field
from ..plot import Panel
from ..plot.panels import loss_of
from ..problem import Problem
from . import messages, output
from .console import Console
from .exits import Exit, Stop
from .options import STDIN

if TYPE_CHECKING:
    from .coding import Design

FORMAT = "ellzero geometry 1"
ENDINGS = (".svg", ".png", ".html")
TABLES = (".csv", ".tsv", ".txt", ".parquet", ".arrow", ".feather", ".gz", ".ipc")
USUAL = (2.0, 1.0, 0.5, 0.0)
DOTS = 200  # an inch, in PNG and in the shaded parts of SVG


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, in the words of the flags."""

    p: tuple[float, ...]
    loss: str | None
    target: str | None
    budget: tuple[float, ...]
    levels: tuple[float, ...]
    slices: tuple[dict[str, float], ...]
    dimension: int | None
    limits: tuple[float, float] | None
    resolution: int | None
    random_state: int


def run(request: Request, path: Path | None, json: bool, console: Console) -> int:
    """Make the panels, write the picture, say what it shows."""
    check(request, path, json)
    shown = make(request, console)
    if path is not None:
        WRITERS[path.suffix.lower()](path, shown)
    if json:
        console.data(output.to_json({"format": FORMAT, "panels": [panel.to_dict() for panel in shown]}))
        return Exit.DONE
    for sentence in sentences(shown):
        console.data(sentence)
    if path is not None and not console.quiet:
        console.data(f"wrote {path}")
    return Exit.DONE


def check(request: Request, path: Path | None, json: bool) -> None:
    """Find out before the work what cannot be: files, packages, flags that contradict each other."""
    if path is None and not json:
        raise messages.no_picture_file(ENDINGS)
    if path is not None:
        if path.suffix.lower() not in ENDINGS:
            raise messages.unknown_ending("-" if str(path) == STDIN else str(path), ENDINGS)
        output.check_targets([("-o", path)], request.loss if request.loss and Path(request.loss).is_file() else "")
        if path.suffix.lower() == ".html":
            plot.needs_plotly("an HTML picture")
        else:
            plot.needs_matplotlib("a picture")
    if request.loss is None:
        for flag, given in (("--levels", request.levels), ("--target", request.target)):
            if given:
                raise messages.needs_loss(flag)
    elif not request.p and request.budget:
        raise messages.needs_p("--budget")
    if len(request.slices) > 1 and (request.p or request.loss is None):
        raise messages.one_slice(len(request.slices))


# -- arrays ------------------------------------------------------------------------------------------------------------
def make(request: Request, console: Console) -> list[Panel]:
    """The panels that were asked for."""
    levels = list(request.levels) or None
    if request.loss is None:
        return alone(request)
    loss = read_loss(request, console)
    if request.p:
        if request.slices:
            loss = loss_of(loss).slice({**request.slices[0]})
        return plot.panels(
            list(request.p), loss, budgets(request, len(request.p)), limits=request.limits, levels=levels,
            resolution=request.resolution, random_state=request.random_state,
        )  # fmt: skip
    limits = request.limits or (-1.5, 1.5)
    return plot.field_panels(loss, request.slices or [{}], levels, limits, resolution=request.resolution)


def budgets(request: Request, count: int) -> float | list[float] | None:
    """One for all, one for each, or none."""
    if not request.budget:
        return None
    if len(request.budget) not in (1, count):
        raise messages.other_count("--budget", len(request.budget), count)
    return request.budget[0] if len(request.budget) == 1 else list(request.budget)


def alone(request: Request) -> list[Panel]:
    """Balls without a loss; a slice of a ball is a smaller ball of the variables that are left."""
    ps = request.p or USUAL
    given = budgets(request, len(ps))
    held = request.slices[0] if request.slices else {}
    n = request.dimension or 2 + len(held)
    known = [f"x{j + 1}" for j in range(n)]
    for name in held:
        if name not in known:
            raise messages.no_axis(name, known)
    free = tuple(name for name in known if name not in held)
    radius: Any = given
    if held:
        values = np.abs(list(held.values()))
        radii = given if isinstance(given, list) else [1.0 if given is None else given] * len(ps)
        radius = [remaining(p, r, values) for p, r in zip(ps, radii, strict=True)]
    return plot.panels(list(ps), None, radius, n=len(free), limits=request.limits, names=free,
                       resolution=request.resolution)  # fmt: skip


def remaining(p: float, radius: float, held: np.ndarray) -> float:
    r"""Radius of what is left of a ball where some variables are held: :math:`(t^p - \sum |h|^p)^{1/p}`."""
    if not radius > 0 or not p >= 0:  # what is wrong with them is said where they are used
        return radius
    if p == 0:
        left = radius - np.count_nonzero(held)
    elif np.isinf(p):
        left = radius if held.max() <= radius else 0.0
    else:
        share = 1.0 - float(((held / radius) ** p).sum())
        left = radius * share ** (1.0 / p) if share > 0 else 0.0
    if not left > 0:
        raise messages.slice_misses_ball(p, radius)
    return float(left)


# -- losses ------------------------------------------------------------------------------------------------------------
def read_loss(request: Request, console: Console) -> Any:
    """A loss by name, from a table, or from the user's code."""
    text = request.loss or ""
    n = request.dimension
    if text == "quartic":
        return _of_dimension(geo.quartic(), n)
    if text == "quadratic":
        return tilted(n or 2 + (len(request.slices[0]) if request.slices else 0))
    if Path(text).suffix.lower() in TABLES or text == "-":
        return of_table(text, request, console)
    if ":" in text:
        return of_code(text, n or 2)
    raise messages.unknown_loss(text)


def tilted(n: int) -> Field:
    """The quadratic loss of textbooks: correlated, and the less steep the smaller the coefficient at its minimiser."""
    H = 0.5 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return geo.quadratic(H, 1.3 * 0.4 ** np.arange(n)[::-1])


def _of_dimension(field: Field, n: int | None) -> Field:
    if n is not None and n != field.n:
        raise messages.other_loss_dimension(n, field.n)
    return field


def of_table(source: str, request: Request, console: Console) -> Problem:
    """The loss of `select` on a table."""
    from .coding import encode
    from .reading import read_table
    from .recipe import Question
    from .search import Search

    if request.target is None:
        raise messages.needs_target(source)
    design: Design = encode(read_table(source), Question(request.target, missing="drop"))
    for note in design.notes:
        console.note(note)
    question = {
        name: value for name, value in Search().problem(design).items() if name not in ("random_state", "n_jobs")
    }
    return Problem.from_data(design.columns, design.y, **question)


def of_code(place: str, n: int) -> Any:
    """A field, problem or function of the user's; what it raises is said to be its own."""
    from .places import named

    found = named(place, "--loss")
    if isinstance(found, (Field, Problem)):
        return found
    if not callable(found):
        raise messages.not_callable(place, type(found).__name__)
    field = geo.as_field(found, n)

    def guarded(function: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
        def call(points):
            try:
                return function(points)
            except (EllzeroError, Stop):
                raise
            except Exception as error:
                raise messages.user_code_failed(place, "failed", error) from error

        return call

    return Field(guarded(field.function), n, label=getattr(found, "__name__", "the loss"))


# -- what comes out ----------------------------------------------------------------------------------------------------
def sentences(shown: list[Panel]) -> list[str]:
    """What each panel shows, in numbers."""
    lines = []
    for panel in shown:
        if panel.contact is not None:
            found = panel.contact
            lines.append(
                f"{panel.title}{_radius(panel)}: {panel.below} "
                f"({messages.count(int(found.n_zeros), 'exact zero')}; {found.guarantee})"
            )
        elif panel.order and panel.radius:
            what, content = ("area", "volume")[panel.n - 2], geo.ball_content(panel.order, panel.n, panel.radius)
            lines.append(f"{panel.title}, radius {panel.radius:.4g}: {what} {content:.4g}")
        elif panel.ball is None:
            levels = ", ".join(f"{line.level:.4g}" for line in panel.contours)
            where = f"{panel.title}: " if panel.title else ""
            lines.append(f"{where}levels {levels}" if levels else f"{where}no such level here")
        else:
            lines.append(panel.title)
    return lines


def _radius(panel: Panel) -> str:
    return "" if panel.counts else f", radius {panel.radius:.4g}"


def write_image(path: Path, shown: list[Panel]) -> None:
    """SVG or PNG, the same bytes for the same panels."""
    import matplotlib
    from matplotlib import pyplot

    draw = plot.draw_panels if shown[0].ball is not None else plot.draw_slices
    kind = path.suffix.lower().removeprefix(".")
    usual = matplotlib.rcParams.copy()["backend"]  # the one setting that `rc_context` does not put back
    matplotlib.rcParams["backend"] = "agg"
    try:
        with matplotlib.rc_context({"svg.hashsalt": "ellzero", "svg.fonttype": "none"}):  # text stays text
            axes = np.atleast_1d(draw(shown))
            metadata = {"Date": None} if kind == "svg" else {}
            output.write(path, lambda draft: axes[0].figure.savefig(draft, format=kind, dpi=DOTS, metadata=metadata))
            pyplot.close(axes[0].figure)
    finally:
        matplotlib.rcParams["backend"] = usual


def write_page(path: Path, shown: list[Panel]) -> None:
    """HTML."""
    output.write_text(path, plot.page(shown))


WRITERS = {".svg": write_image, ".png": write_image, ".html": write_page}
