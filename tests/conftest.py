"""What all tests share: the folder of real data with known answers, and hypothesis' settings."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Without it scikit-learn's checks of estimators skip those of array types, and its oldest version does not import them.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# No deadline and no complaint about slowness: a busy machine must not fail a test. CI tries the same examples always.
settings.register_profile(
    "ellzero", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("ellzero")

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_root():
    """The folder that holds one folder a data set: ELLZERO_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("ELLZERO_DATA")
    return Path(named) if named else BESIDE


def shared_data(name):
    """The folder of one data set; without any data the test skips, where only this set is missing it fails."""
    root = data_root()
    if not root.is_dir():
        pytest.skip(f"no folder of data at {root}: set ELLZERO_DATA to one")
    folder = root / name
    assert folder.is_dir(), f"{root} has no data set {name!r}"
    return folder


@pytest.fixture
def data_dir(monkeypatch):
    """Folder of the data sets, also put where `ellzero.datasets` looks for it."""
    root = shared_data("hitters").parent
    monkeypatch.setenv("ELLZERO_DATA", str(root))
    return root


@pytest.fixture
def expected():
    """Loader of known answers: ``expected("hitters")``, ``expected("classics", "expected_logistic.json")``."""

    def load(name, file="expected.json"):
        return json.loads((shared_data(name) / file).read_text(encoding="utf-8"))

    return load


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where the folder of data exists, a skipped test that wanted it has failed: nobody compared with the answers."""
    report = yield
    wants_data = {"data_dir", "expected"} & set(getattr(item, "fixturenames", ()))
    if report.skipped and wants_data and data_root().is_dir() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped although {data_root()} exists: {report.longrepr}"
    return report
