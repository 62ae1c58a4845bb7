"""Widgets: each draws one slice of the snapshot."""
