"""python -m benchmarks.exact, from the root of the repository."""

from .run import main

main()
