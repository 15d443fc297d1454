r"""Sums over those at risk, for rows sorted by stratum and inside by time, the latest first.

Those at risk at a row are the rows of its stratum up to it, :math:`S_i = \sum_{j \le i} s_j` with :math:`s = w e^\eta`.
All sums are carried relative to S, by a row's ``share`` :math:`s_i / S_i` and what it leaves to the earlier ones,
``kept`` :math:`S_{i-1} / S_i`, which is 0 at the first row of a stratum: so strata do not mix, and nothing overflows
or is lost, however far the hazards are apart.
"""

import math

from .compiled import kernel

BAND = 50.0  # a row whose log hazard is so far above the unit of the sum is the new unit


@kernel
def add_up(size, first, ends, total, share, kept):
    """Shares from log s (`size`), and log S at the rows `ends`; `first` says where a stratum begins."""
    unit, mass, start = 0.0, 0.0, 0
    for g in range(ends.size):
        for i in range(start, ends[g] + 1):
            if first[i]:
                unit, mass = size[i], 0.0
            elif size[i] > unit + BAND:
                mass *= math.exp(unit - size[i])
                unit = size[i]
            own = math.exp(size[i] - unit)
            both = mass + own
            share[i], kept[i] = own / both, mass / both
            mass = both
        total[g] = unit + math.log(mass)
        start = ends[g] + 1


@kernel
def collect(columns, order, share, kept, ends, out):
    """Running sums at the rows `ends`, each row adding its share of its value to what is kept of the rows before it.

    Row j of `columns` is column j, `order` the place of each sorted row in it. Four columns go together, for each sum
    waits for the one before; the last stands in for those that are missing.
    """
    last = columns.shape[0] - 1
    for j in range(0, last + 1, 4):
        b, c, d = min(j + 1, last), min(j + 2, last), min(j + 3, last)
        sum_a = sum_b = sum_c = sum_d = 0.0
        start = 0
        for g in range(ends.size):
            for i in range(start, ends[g] + 1):
                at, own, old = order[i], share[i], kept[i]
                sum_a = old * sum_a + own * columns[j, at]
                sum_b = old * sum_b + own * columns[b, at]
                sum_c = old * sum_c + own * columns[c, at]
                sum_d = old * sum_d + own * columns[d, at]
            out[j, g], out[b, g], out[c, g], out[d, g] = sum_a, sum_b, sum_c, sum_d
            start = ends[g] + 1


@kernel
def hand_out(values, order, share, kept, ends, out):
    """The transpose, added to `out`: each of `values`, one at each of `ends`, goes to the rows that it came from."""
    for j in range(values.shape[0]):
        carried = 0.0
        for g in range(ends.size - 1, -1, -1):
            carried += values[j, g]
            for i in range(ends[g], ends[g - 1] if g > 0 else -1, -1):
                out[j, order[i]] += share[i] * carried
                carried *= kept[i]
