"""The answers, one module for each kind: each function takes an ``Ask`` and the market, and returns a ``Reply``."""
