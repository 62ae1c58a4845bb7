"""A loopback Kite Connect on the paper exchange: REST, ticker and order updates as the official SDK expects them.

It must not import the adapter that is tested against it: both sides were written from the vendor's documents.
"""
