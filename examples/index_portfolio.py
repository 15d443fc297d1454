"""Ten stocks that follow the S&P 500: shares that are not negative and sum to one, proved to be the best ten of twenty.

Run it with the folder of data sets, `python examples/index_portfolio.py FOLDER`, or name the folder in ELLZERO_DATA.
The prices are those of the package skfolio: twenty stocks and the index, daily, 1990 to 2022.
"""

import csv
import gzip
import os
import sys
from pathlib import Path

import numpy as np

import ellzero as ez
from ellzero.constraints import Linear

YEAR = 252  # days of trading
SIZE = 10


def returns(path):
    """Names and daily returns of the columns of a table of prices."""
    with gzip.open(path, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    prices = np.array([[float(cell) for cell in row[1:]] for row in rows])
    return header[1:], prices[1:] / prices[:-1] - 1.0


def load(folder):
    """Names, returns of the stocks and of the index: two years to choose from, and the year after."""
    names, stocks = returns(Path(folder) / "skfolio_sp500" / "sp500_dataset.csv.gz")
    _, index = returns(Path(folder) / "skfolio_sp500" / "sp500_index.csv.gz")
    past, future = slice(-3 * YEAR, -YEAR), slice(-YEAR, None)
    return names, (stocks[past], index[past, 0]), (stocks[future], index[future, 0])


def track(names, stocks, index, k=SIZE, time_limit=120.0):
    """The k stocks, and their shares, whose returns differ least from the index's, in mean square."""
    shares = Linear(coef=np.ones(len(names)), lower=1.0, upper=1.0)  # they sum to one
    return ez.best_subset(
        dict(zip(names, stocks.T, strict=True)),
        index,
        k=k,
        lower=0.0,  # nothing is sold short
        fit_intercept=False,
        constraints=[shares],
        solver="mip",
        time_limit=time_limit,
    )


def rescaled(names, stocks, index, k=SIZE):
    """What is done without linear conditions: the best k stocks, negative shares cut off, the rest scaled to one."""
    shares = ez.best_subset(stocks, index, k=k, fit_intercept=False).coef.clip(0.0)
    return shares / shares.sum()


def error(shares, stocks, index):
    """Tracking error, in per cent a year."""
    return 100.0 * np.sqrt(YEAR * np.mean((index - stocks @ shares) ** 2))


def main(folder):
    names, past, future = load(folder)
    best = track(names, *past)
    print(best)
    print()
    for title, shares in (("shares that sum to one", best.coef), ("cut off and rescaled", rescaled(names, *past))):
        print(f"{title:24}  {error(shares, *past):.2f} % where chosen, {error(shares, *future):.2f} % the year after")


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ELLZERO_DATA")
    if folder is None:
        sys.exit("Name the folder of data sets: python examples/index_portfolio.py FOLDER, or ELLZERO_DATA.")
    main(folder)
