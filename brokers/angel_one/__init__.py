"""Angel One's SmartAPI behind the port of `engine.ports`."""
