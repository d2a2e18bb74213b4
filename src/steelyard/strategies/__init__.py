"""Ready-made strategies, a file each; a configuration names them as `steelyard.strategies:Name`."""

from steelyard.strategies.cross_venue import CrossVenueArbitrage
from steelyard.strategies.dca import Dca
from steelyard.strategies.dip_buyer import DipBuyer
from steelyard.strategies.ema_cross import EmaCross
from steelyard.strategies.grid import Grid
from steelyard.strategies.market_maker import MarketMaker
from steelyard.strategies.mean_reversion import MeanReversion
from steelyard.strategies.momentum import Momentum
from steelyard.strategies.rebalancer import Rebalancer
from steelyard.strategies.sma_cross import SmaCross
from steelyard.strategies.triangular import TriangularArbitrage

__all__ = [
    "CrossVenueArbitrage",
    "Dca",
    "DipBuyer",
    "EmaCross",
    "Grid",
    "MarketMaker",
    "MeanReversion",
    "Momentum",
    "Rebalancer",
    "SmaCross",
    "TriangularArbitrage",
]
