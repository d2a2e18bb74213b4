"""What `steelyard exchange` is started with, as whoever makes it has checked, and its ports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard import dialects
from steelyard.cli.limit_profiles import Chooser
from steelyard.cli.market_source import MarketSource

PAGES_OFFSET = 20  # of the pages of exchanges that speak one dialect each


@dataclass(frozen=True)
class ExchangeConfig:
    """What `steelyard exchange` is started with."""

    data: Path
    port_base: int  # 0: free ports
    market: MarketSource | None  # None: as the directory was founded, or the default crowd
    limits: Chooser
    ready_file: Path | None = None
    has_tls: bool = False  # each port has a twin that speaks TLS
    skew_ns: int = 0  # wire time less the host's clock
    begins_ns: int | None = None  # sandbox time at which a new directory begins; None: the host's
    forgets_sealed: bool = False  # what another seal key has sealed
    host: str = "127.0.0.1"
    only: str | None = None  # the one dialect that it speaks, beside its page; None: every one

    @property
    def names(self) -> tuple[str, ...]:
        """The dialects that it speaks."""
        every = dialects.names()
        return every if self.only is None else tuple(n for n in every if n in ("native", self.only))

    def port(self, name: str) -> int:
        """Return the port of a dialect, 0 for any free one; pages of venues apart come last."""
        offset = dialects.find(name).port_offset
        if self.only is not None and name != self.only:
            offset = PAGES_OFFSET + dialects.find(self.only).port_offset
        return self.port_base and self.port_base + offset


def addresses(host: str, ports: dict[str, int], secure: str = "") -> dict[str, Any]:
    """Return where the page and each dialect are; `secure` is "s" for TLS."""
    return {
        "page": f"http{secure}://{host}:{ports['native']}/",
        "dialects": {
            name: {
                "rest": f"http{secure}://{host}:{port}",
                "ws": f"ws{secure}://{host}:{port}",
            }
            for name, port in ports.items()
        },
    }
