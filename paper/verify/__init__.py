"""Deterministic fault simulation: one seed is one faulty day through the real engine, journal and recovery.

It must not import the code that makes state durable (whoever runs it hands that in) and reads no clock but its own.
"""
