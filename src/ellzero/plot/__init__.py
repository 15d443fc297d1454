"""Pictures with matplotlib: axes in, axes out, nothing is ever shown. Needs the extra ``plot``."""

from .balls import balls, draw_panels
from .choosing import criteria
from .displays import CoefficientDisplay, CriterionDisplay, GapDisplay, PathDisplay, SquaresDisplay
from .effects import coefficients, stability
from .fields import contours, draw_slices, field_panels, isosurface, slices
from .frequency import zeros
from .models import Squares, squares, squares_of
from .panels import Panel, panels
from .paths import path, penalty_path
from .penalties import envelope, solution_paths, thresholds
from .proof import gap
from .shrinkage import shrinkage
from .standins import rivals
from .style import FIELD_MAP, OKABE_ITO, needs_matplotlib
from .training import descent, trajectories, weights
from .web import needs_plotly, page

__all__ = [
    "FIELD_MAP",
    "OKABE_ITO",
    "CoefficientDisplay",
    "CriterionDisplay",
    "GapDisplay",
    "Panel",
    "PathDisplay",
    "Squares",
    "SquaresDisplay",
    "balls",
    "coefficients",
    "contours",
    "criteria",
    "descent",
    "draw_panels",
    "draw_slices",
    "envelope",
    "field_panels",
    "gap",
    "isosurface",
    "needs_matplotlib",
    "needs_plotly",
    "page",
    "panels",
    "path",
    "penalty_path",
    "rivals",
    "shrinkage",
    "slices",
    "solution_paths",
    "squares",
    "squares_of",
    "stability",
    "thresholds",
    "trajectories",
    "weights",
    "zeros",
]
