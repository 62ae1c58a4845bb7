"""The paper exchange: matching, ledger, margin, simulated and recorded markets, behind a real broker's port."""
