"""Small tables for tests of the command, as columns and as text."""

import numpy as np


def houses(n=37, seed=5):
    """Rows of a small table with numbers, text, a weight and two possible targets, as lists by column."""
    rng = np.random.default_rng(seed)
    area, rooms, age = rng.normal(90, 31, n).round(1), rng.integers(1, 7, n), rng.uniform(0, 80, n).round(2)
    zone = rng.choice(["east", "north", "south"], n)
    garage = rng.choice(["no", "yes"], n)
    price = 1.9 * area - 0.37 * age + 11 * (zone == "south") + rng.normal(0, 7, n)
    return {
        "area": area,
        "rooms": rooms,
        "age": age,
        "zone": zone,
        "garage": garage,
        "w": rng.integers(1, 4, n),
        "price": price.round(3),
        "sold": np.where(price + rng.normal(0, 40, n) > np.median(price), "yes", "no"),
        "visits": rng.poisson(np.exp(0.3 + 0.2 * rooms)),
    }


def csv_of(columns, delimiter=","):
    """Text of a table; None is an empty cell."""
    rows = zip(*columns.values(), strict=True)
    lines = [columns, *(["" if cell is None else str(cell) for cell in row] for row in rows)]
    return "\n".join(delimiter.join(line) for line in lines) + "\n"
