"""Ready-made strategies, a file each; a configuration names them as `steelyard.strategies:Name`."""

from steelyard.strategies.dip_buyer import DipBuyer
from steelyard.strategies.sma_cross import SmaCross

__all__ = ["DipBuyer", "SmaCross"]
