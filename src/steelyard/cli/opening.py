"""Opening an exchange's directory: lock, newest snapshot, replay of what came after."""

import os
from pathlib import Path

from steelyard.cli.market_source import (
    CrowdSource,
    MarketSource,
    check_same,
    founding,
    source_of,
)
from steelyard.domain.errors import ConfigError
from steelyard.domain.journal import gapless
from steelyard.engine.book import QueueModel
from steelyard.engine.choice import new_engine
from steelyard.exchange.exchange import Exchange
from steelyard.exchange.house import Market
from steelyard.exchange.records import Founded, codec
from steelyard.store.datadir import Directory
from steelyard.store.journal import Journal
from steelyard.store.snapshots import Snapshots
from steelyard.vault.seal import Seal
