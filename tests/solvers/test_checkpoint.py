"""Searches that were killed, stopped or interrupted go on from their file: same answer, nothing proved twice."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ellzero as ez
from ellzero import _progress
from ellzero.solvers import checkpoint as module
from ellzero.solvers import gramsearch
from judging import judge_optimal
from strategies import make_question

MORE = 0.1  # another order of nodes may cost or save so many


def data(n=50, p=50, k=6, noise=1.2):
    rng = np.random.default_rng(37)
    X = rng.normal(size=(n, p))
    return X, X[:, :k].sum(axis=1) + noise * rng.normal(size=n)


def solve(X, y, file=None, *, k=6, l2=1e-3, on_progress=None, n_jobs=1, asked=None, **options):
    options |= {} if file is None else {"checkpoint": file}
    solver = ez.solvers.Branch(n_jobs=n_jobs, **options)
    return ez.best_subset(X, y, k=k, l2=l2, solver=solver, on_progress=on_progress, time_limit=600, **(asked or {}))


def held(file):
    """What the file says of the search."""
    with np.load(file) as arrays:
        return json.loads(arrays["header"].tobytes().decode())["numbers"]


def in_steps(X, y, file, node_limit, **asked):
    """Results of runs with a node limit, the last of them complete."""
    results = [solve(X, y, file, node_limit=node_limit, **asked)]
    while results[-1].status is not ez.Status.OPTIMAL:
        assert results[-1].status is ez.Status.NODE_LIMIT
        assert held(file)["n_nodes"] == results[-1].n_nodes
        results.append(solve(X, y, file, node_limit=node_limit, **asked))
    return results


def judge_same(X, y, result, whole):
    """The answer of one uninterrupted run, its proof, and about its number of nodes."""
    assert result.status is whole.status is ez.Status.OPTIMAL
    assert result.support.tolist() == whole.support.tolist()
    assert result.objective == pytest.approx(whole.objective, rel=1e-12)
    assert result.n_nodes <= (1 + MORE) * whole.n_nodes + 20
    (claim,) = result.certificate.verify(X, y)
    assert claim.gap <= 1e-6


KILLED = """
import sys
sys.path[:0] = {path!r}
import test_checkpoint as tests
tests.solve(*tests.data(60, 80, 8, 0.7), {file!r}, k=8, checkpoint_every=0.05)
"""


def test_a_killed_run_goes_on(tmp_path):
    file = tmp_path / "run.npz"
    code = KILLED.format(path=[__file__.rpartition("/")[0], *sys.path], file=str(file))
    X, y = data(60, 80, 8, 0.7)
    whole = solve(X, y, k=8)
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while process.poll() is None and not (file.exists() and held(file)["n_nodes"] > whole.n_nodes / 3):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    done, seen = held(file)["n_nodes"], []
    assert whole.n_nodes / 3 < done < whole.n_nodes
    result = solve(X, y, str(file), k=8, on_progress=seen.append)
    assert seen[0].n_nodes is None or seen[0].n_nodes >= done
    judge_same(X, y, result, whole)
    assert list(tmp_path.glob("run.npz")) == []


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_many_short_runs_make_one_long_one(tmp_path, n_jobs):
    X, y = data()
    whole = solve(X, y)
    results = in_steps(X, y, tmp_path / "run.npz", 200, n_jobs=n_jobs, checkpoint_every=0.01)
    assert len(results) > 3
    bounds = [result.lower_bound for result in results]
    assert bounds == sorted(bounds)
    assert all(result.lower_bound <= whole.objective for result in results)
    judge_same(X, y, results[-1], whole)
    assert results[-1].certificate.trees[0].branch.size < 1.5 * whole.certificate.trees[0].branch.size
    assert list(tmp_path.iterdir()) == []


def test_threads_pause_for_saving_and_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARE", 1.0)  # as often as it goes
    X, y = data()
    saved, save = [], module.Checkpoint.save

    def noted(self, search):
        assert not search.running
        save(self, search)
        saved.append(search.n_nodes)

    monkeypatch.setattr(module.Checkpoint, "save", noted)
    result = solve(X, y, tmp_path / "run.npz", n_jobs=2, checkpoint_every=1e-3)
    judge_same(X, y, result, solve(X, y))
    assert len(saved) > 2
    assert saved == sorted(saved)


HIERARCHY = ez.constraints.WeakHierarchy({j: [j - 1, j - 2] for j in range(2, 40)})
QUESTIONS = {  # rows, columns, noise, and what is asked
    "price": (60, 40, 1.5, {"k": None, "asked": {"l0": 0.01}}),
    "hierarchy": (50, 40, 1.8, {"asked": {"constraints": [HIERARCHY]}}),
    "limits": (50, 50, 1.5, {"l2": 0.0, "asked": {"lower": -2.0, "upper": 2.0, "l1": 0.001}}),
    "diagonal": (60, 50, 2.0, {"l2": 0.0}),
}


@pytest.mark.parametrize(
    ("name", "compact"),
    # 20: rows of the Gram matrix instead of all of it; without ridge and limits they bound nothing
    [*((name, 3000) for name in QUESTIONS), *((name, 20) for name in QUESTIONS if name != "diagonal")],
)
def test_any_question_of_the_exact_search_goes_on(tmp_path, monkeypatch, name, compact):
    monkeypatch.setattr(gramsearch, "COMPACT", compact)
    n, p, noise, asked = QUESTIONS[name]
    X, y = data(n, p, 6, noise)
    whole = solve(X, y, **asked)
    results = in_steps(X, y, tmp_path / "run.npz", whole.n_nodes // 4, **asked)
    assert len(results) > 2
    judge_same(X, y, results[-1], whole)


def test_brute_force_agrees(tmp_path):
    for seed in range(10):
        q = make_question(seed, n=20, p=9, correlation=0.5, l2=0.0037, form="both", weighted=seed % 2, boxed=seed % 3)
        result = None
        while result is None or result.status is ez.Status.NODE_LIMIT:
            solver = ez.solvers.Branch(node_limit=1, checkpoint=tmp_path / "run.npz")
            result = ez.best_subset(q.X, q.y, **q.arguments(), solver=solver)
        judge_optimal(q, result)


@pytest.mark.parametrize("ask", ["signal", "watcher"])
def test_an_interrupt_leaves_a_file_to_go_on_from(tmp_path, monkeypatch, ask):
    monkeypatch.setattr(_progress, "SHOW_EVERY", 0.0)
    X, y = data()

    def stop(event):
        if event.n_nodes and event.n_nodes > 20:
            if ask == "watcher":
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGINT)

    file = tmp_path / "run.npz"
    result = solve(X, y, file, on_progress=stop)
    assert result.status is ez.Status.INTERRUPTED
    assert held(file)["n_nodes"] == result.n_nodes
    judge_same(X, y, solve(X, y, file), solve(X, y))


def test_a_known_start_counts_where_it_is_better(tmp_path):
    X, y = data()
    whole, file = solve(X, y), tmp_path / "run.npz"
    problem = ez.Problem.from_data(X, y, k=6, l2=1e-3)
    poor = [30, 31, 32, 33, 34, 35]
    first = ez.solve(problem, ez.solvers.Branch(node_limit=2, checkpoint=file), start=poor)
    second = ez.solve(problem, ez.solvers.Branch(node_limit=2, checkpoint=file), start=whole.support)
    third = ez.solve(problem, ez.solvers.Branch(node_limit=2, checkpoint=file), start=poor)
    assert first.objective >= second.objective == third.objective == pytest.approx(whole.objective)


@pytest.fixture
def begun(tmp_path):
    """A file of a search that was begun."""
    file = tmp_path / "run.npz"
    assert solve(*data(), file, node_limit=50).status is ez.Status.NODE_LIMIT
    return file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"k": 5}, r"these differ: k \(6 there, 5 here\)\."),
        ({"l2": 0.002}, r"these differ: l2 \(0\.001 there, 0\.002 here\)\."),
        ({"asked": {"upper": 2.0}}, "these differ: upper"),
        ({"asked": {"forced": [3]}}, "these differ: the forced columns"),
        ({"asked": {"constraints": [ez.constraints.AtMostOne([0, 1])]}}, "these differ: the constraints"),
        ({"asked": {"sample_weight": 1.0 + (np.arange(50) == 2)}}, "these differ: sample_weight"),
        ({"gap": 1e-7}, r"a gap of 1e-06, .* not proved to 1e-07\. Hint: gap=1e-06 or more"),
    ],
)
def test_another_question_is_refused(begun, change, told):
    before = begun.read_bytes()
    with pytest.raises(ez.errors.ArgumentError, match=told):
        solve(*data(), begun, **change)
    assert begun.read_bytes() == before


def test_other_data_are_refused(begun):
    X, y = data()
    moved = X.copy()
    moved[7, 11] = np.nextafter(moved[7, 11], 9.0)
    with pytest.raises(ez.errors.ArgumentError, match="these differ: X"):
        solve(moved, y, begun)
    with pytest.raises(ez.errors.ArgumentError, match="these differ: y"):
        solve(X, y + (np.arange(50) == 3), begun)
    result = solve(X.copy(order="F"), y, begun)  # the layout in memory is no difference
    assert result.status is ez.Status.OPTIMAL


def refusal(file):
    """What is said of a file; None where it is taken."""
    try:
        result = solve(*data(), file, node_limit=1)
    except ez.errors.ArgumentError as error:
        return str(error)
    assert result.lower_bound <= result.objective
    return None


def test_a_damaged_file_is_named_and_left_alone(begun):
    whole, told = begun.read_bytes(), f"`checkpoint`: {begun} is damaged, or no checkpoint at all"
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[:-30]):
        begun.write_bytes(content)
        assert refusal(begun).startswith(told)
        assert begun.read_bytes() == content
    harmless = 0  # a byte of a date in the archive
    for place in np.random.default_rng(37).integers(0, len(whole), 20).tolist():
        content = whole[:place] + bytes([whole[place] ^ 37]) + whole[place + 1 :]
        begun.write_bytes(content)
        said = refusal(begun)
        harmless += said is None
        assert said is None or (said.startswith(told) and begun.read_bytes() == content)
    assert harmless <= 2


def test_a_full_disk_does_not_end_the_search(tmp_path, monkeypatch):
    def full(path, fill):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.warns(ez.errors.EllzeroWarning, match=r"cannot be saved to .*: No space left on device\."):
        result = solve(*data(), tmp_path / "run.npz", checkpoint_every=1e-9)
    assert result.status is ez.Status.OPTIMAL
