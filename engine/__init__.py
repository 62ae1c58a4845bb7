"""The replication engine: what is decided (`engine.core`, pure) and the shell that carries it out."""
