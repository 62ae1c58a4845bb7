"""Real brokers behind the port of `engine.ports`: Zerodha and Angel One, and what all of them have in common."""
