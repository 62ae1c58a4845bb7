"""What exchanges and brokers want of whoever trades live through an interface: shown once before the first LIVE start.

Facts with their sources, no advice; docs/compliance.md has the whole list. A change of the facts is a new edition,
which is shown anew.
"""

from typing import Final

VERSION_OF_RULES: Final = 1
WORD: Final = "UNDERSTOOD"
LINES: Final = (
    "Before the first LIVE start. These are facts as known in November 2026, with their sources; they are no advice.",
    "",
    "Whose accounts   Your own and your family's (spouse, dependent children and parents), not other investors'.",
    "                 SEBI CIR/2025/0000013 of 4 February 2025, in force since 1 April 2026 (CIR/2025/132)",
    "                 Zerodha: no other person's account, even with consent. Zerodha staff, February 2026",
    "Orders           Each one counts as algorithmic, also when you confirm it. NSE/INVG/69255, 22 July 2025",
    "Rate             Below 10 orders a second and exchange no registration is needed. NSE/INVG/67858, 5 May 2025",
    "Address          Orders come from a static IP address that is registered with the broker; an address belongs to",
    "                 one client and is shared within a family on request only. NSE/INVG/67858, 5 May 2025",
    "Login            Sessions end each day; a person logs in again with two factors. NSE/INVG/67858, 5 May 2025",
    "Market orders    They need market protection and become limit orders, which may stay open.",
    "                 Zerodha staff, 30 March 2026; SmartAPI documentation, July 2026",
    "",
    "docs/compliance.md has the rest. What is sent from here is your responsibility. Ask your broker in writing.",
)
