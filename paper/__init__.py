"""The paper exchange: matching, ledger, margin, simulated and recorded markets. Behind the same port as a real broker."""
