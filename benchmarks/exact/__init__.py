"""The bars of exact search: ellzero beside el0ps, l0bnb, okridge and a sketch (see README.md in this folder)."""
