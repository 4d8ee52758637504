"""An imitation of the vendor: its REST answers, plans, errors and bad days, from a folder of market data.

Written from the vendor's documents, its client and its OpenAPI alone. It imports nothing else of REDLINE, for a shared
helper would make both sides agree on the same mistake. Start it with ``python -m redline.emulator``; see
``docs/emulator.md`` for what it serves, its control address and its faults.
"""
