"""Real brokers behind the port of `engine.ports`. None is connected yet: live trading is refused with that reason."""
