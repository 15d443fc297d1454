"""Networks pruned, measured."""
