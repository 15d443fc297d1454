"""Union-find and label arrays against definitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ellzero.nn.labels import Units, Value, first, laid, lift, resized, support, without

PAIRS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


@given(PAIRS, st.integers(1, 5))
def test_union_find_is_connected_components(pairs, chunk):
    """Whatever the order and the batches; a class is named after its smallest label."""
    units = Units()
    units.fresh(20)
    classes = [{k} for k in range(20)]
    for start in range(0, len(pairs), chunk):
        batch = pairs[start : start + chunk]
        units.union(np.array([a for a, _ in batch]), np.array([b for _, b in batch]))
        for a, b in batch:
            one, other = (next(c for c in classes if k in c) for k in (a, b))
            if one is not other:
                classes.remove(other)
                one |= other
    roots = units.find(np.arange(20))
    assert {frozenset(c) for c in classes} == {frozenset(np.flatnonzero(roots == r).tolist()) for r in set(roots)}
    assert all(root == min(next(c for c in classes if k in c)) for k, root in enumerate(roots))


def test_labels_are_fresh():
    units = Units()
    assert units.fresh(3).tolist() == [0, 1, 2]
    assert units.fresh(2).tolist() == [3, 4]
    assert units.find(np.array([[4, 0]])).tolist() == [[4, 0]]


def test_union_broadcasts():
    """A column against a row unites what meets."""
    units = Units()
    column, row = units.fresh(2).reshape(2, 1), units.fresh(3).reshape(1, 3)
    units.union(column, row)
    assert set(units.find(np.arange(5)).tolist()) == {0}


def test_arrays():
    array = np.arange(6).reshape(1, 2, 1, 3)
    assert support(array) == {1, 3}
    assert lift(array[0], 5).shape == (1, 1, 2, 1, 3)
    assert first(array, 3).ravel().tolist() == [0, 3]
    assert laid(np.arange(4), -1, 3).shape == (1, 1, 4)
    assert laid(np.arange(4), 1, 3).shape == (1, 4, 1)
    assert without([1], array).ravel().tolist() == [0, 1, 2]
    assert resized(array, (1, 2, 1, 5), [2, 3]).shape == (1, 2, 1, 5)
    assert resized(array, (1, 2, 7, 5), [2]) is array


def test_value():
    rows, columns = np.arange(2).reshape(2, 1), np.arange(2, 5).reshape(1, 3)
    value = Value((2, 3), (rows, columns), static=True)
    assert value.along(0) is rows
    assert value.along(1) is columns
    assert Value((2, 3), (columns,)).along(0) is None
    shrunk = value.shrunk(1)
    assert shrunk.shape == (2, 1)
    assert shrunk.labels == (rows,)
    assert shrunk.static
