"""A read-only picture of the running engine for a browser on this machine: one engine, however many tabs."""
