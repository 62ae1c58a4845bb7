"""Zerodha's Kite Connect v3 behind the port of `engine.ports`."""
