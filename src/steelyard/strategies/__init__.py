"""Ready-made strategies, a file each; a configuration names them as `steelyard.strategies:Name`."""

from steelyard.strategies.dca import Dca
from steelyard.strategies.dip_buyer import DipBuyer
from steelyard.strategies.ema_cross import EmaCross
from steelyard.strategies.grid import Grid
from steelyard.strategies.market_maker import MarketMaker
from steelyard.strategies.mean_reversion import MeanReversion
from steelyard.strategies.momentum import Momentum
from steelyard.strategies.sma_cross import SmaCross

__all__ = [
    "Dca",
    "DipBuyer",
    "EmaCross",
    "Grid",
    "MarketMaker",
    "MeanReversion",
    "Momentum",
    "SmaCross",
]
