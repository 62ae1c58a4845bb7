"""Measurements, run by `make bench`. Figures, not tests: machines differ, so ratios count."""
