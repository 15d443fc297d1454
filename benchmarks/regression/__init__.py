"""Benchmarks of regression that are no race: test error, real data, and how far the answer depends on settings."""
