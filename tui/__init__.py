"""The terminal dashboard. It draws snapshots and sends operator commands; it decides nothing."""
