"""Screens and dialogs: they compose widgets and hand back the operator's answer."""
