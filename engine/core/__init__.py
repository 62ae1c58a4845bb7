"""Everything the program decides is decided here. No I/O, clock, thread, randomness or logging below this package."""
