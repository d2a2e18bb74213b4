"""Sockets and the clock, for whoever brings a machine to put behind them."""
