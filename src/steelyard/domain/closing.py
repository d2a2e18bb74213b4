"""A new order with what closes its position: for each fill of it another order of that size.

Some venues have it, under names of their own. The closing orders are orders like any other from the
moment they are placed, and what becomes of one changes nothing for the first.
"""

from msgspec import Struct

from steelyard.domain.commands import Place


class PlaceClosing(Struct, frozen=True, tag=True):
    """Place an order, and for each of its fills one like `closing`, whose own size is 0.

    What fills in pieces too small to be orders is closed together.
    """

    place: Place
    closing: Place

    @property
    def account_id(self) -> int:
        """Whose they are."""
        return self.place.account_id
