"""What importing costs: heavy packages are loaded when something of theirs is used, not before."""

import subprocess
import sys

import ellzero as ez

HEAVY = ("torch", "dask", "matplotlib", "plotly", "pandas", "numba", "sklearn", "scipy")


def test_import_loads_nothing_heavy():
    code = f"import sys, ellzero; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_geometry_compiles_nothing_when_it_is_loaded():
    heavy = ("torch", "matplotlib", "plotly", "pandas", "numba", "sklearn", "skimage", "contourpy")
    code = f"import sys, ellzero.geometry; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_pictures_load_matplotlib_when_something_is_drawn():
    code = "import sys, ellzero.plot; print('matplotlib' in sys.modules, ellzero.plot.__all__ != [])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_every_public_name_is_there():
    assert all(getattr(ez, name) is not None for name in ez.__all__)
    assert set(dir(ez)) == set(ez.__all__)


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(ez, "lasso")
