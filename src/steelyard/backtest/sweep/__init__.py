"""Sweeps: many backtests of one strategy, and what may be believed of the best of them.

A sweep is a `space` of parameters, a `search` that proposes trials, `splits` of time, and the
record of `trials`; `summary` judges it, `report` and `page` show it. All of it is pure: who runs
a trial, where and in how many processes, is the roof's business.
"""
