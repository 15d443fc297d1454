"""Every subset of a few columns, none left out: the least residual sum of squares of each size.

Not a search: there is no bound and nothing is pruned. A subset is reached by sweeping columns into the Gram matrix one
after the other, so that 2^p fits cost about six multiplications each.
"""

import time

import numpy as np
from numba import njit

from . import cases


@njit
def all_subsets(gram):
    """Least residual sum of squares of every size; ``gram`` is that of the columns with the target as the last one."""
    p = gram.shape[0] - 1
    best = np.full(p + 1, np.inf)
    members = np.zeros(p + 1, np.int64)
    record = np.zeros(p + 1, np.int64)  # bits of the best subset
    tables = np.empty((p + 1, p + 1, p + 1))  # table d: after d columns went in; only what follows them is kept
    tables[0] = gram
    best[0] = gram[p, p]
    last = np.full(p + 1, -1)
    depth = 0
    while depth >= 0:
        j = last[depth] + 1
        if j >= p:
            depth -= 1
            if depth >= 0:
                continue
            break
        last[depth] = j
        table = tables[depth]
        pivot = table[j, j]
        following = tables[depth + 1]
        rss = table[p, p] - table[j, p] * table[j, p] / pivot
        for a in range(j + 1, p):
            ratio = table[j, a] / pivot
            for b in range(a, p + 1):
                following[a, b] = table[a, b] - ratio * table[j, b]
        following[p, p] = rss
        depth += 1
        members[depth] = members[depth - 1] | (1 << j)
        last[depth] = j
        if rss < best[depth]:
            best[depth] = rss
            record[depth] = members[depth]
    return best, record


def record(row, case):
    """Half the least residual sum of squares of each size, as a line of the log; made once a case."""

    def make():
        X, y = cases.load(case)
        XY = np.column_stack([X, y])
        started = time.process_time()
        best, bits = all_subsets(XY.T @ XY)
        sizes = []
        for k in range(1, X.shape[1] + 1):
            support = [j for j in range(X.shape[1]) if bits[k] >> j & 1]
            values = np.linalg.lstsq(X[:, support], y, rcond=None)[0]
            fit = cases.objective(case, X, y, support, values)
            sizes.append({"k": k, "support": support, "objective": 0.5 * float(best[k]), "value": fit})
        return {"cpu": time.process_time() - started, "sizes": sizes}

    found = cases.cached(f"enumeration-{case['seed']}", make)
    facts = {"case": case["name"], "seed": case["seed"], "solver": "enumeration", "turn": 1, "done": True}
    facts["question"] = cases.question(case)
    return {"row": row} | facts | found
