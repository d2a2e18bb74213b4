"""Backtests: the exchange's own engine and a strategy's class, in virtual time.

A run takes data (`columns`), a strategy and `settings`, and gives a `result`; nothing here reads
a file or a clock. Decision 0060 says how the parts fit.
"""
