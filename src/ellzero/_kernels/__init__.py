"""Compiled inner loops: plain float64 arrays and numbers in and out, one signature each, nothing compiled at import."""
