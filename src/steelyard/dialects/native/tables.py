"""What new orders of the native API look like, for who reads them by a table (`rust/server`).

The invariant: what the table takes, `parameters.read`, `orders.place_from_wire` and `auth` take
and read alike; everything else it leaves to them.
"""

from steelyard.dialects.native import auth
from steelyard.dialects.native.endpoints import BASE
from steelyard.dialects.native.text import amount_text, average_text, price_text, size_text
from steelyard.wire.plain_orders import OrderTable, Signed, Spelling

PLAIN_ORDERS = OrderTable(
    method="POST",
    path=f"{BASE}/orders",
    is_json=True,
    price="price",
    size="size",
    client_order_id="client_order_id",
    id_marks="._:-",
    id_bytes_max=36,
    id_begins_not="sy-",
    digits_max=(18, 17),
    signed=(Signed.TIMESTAMP, Signed.NONCE, Signed.METHOD, Signed.TARGET, Signed.PARAMETERS),
    key=auth.KEY,
    timestamp=auth.TIMESTAMP,
    signature=auth.SIGNATURE,
    nonce=auth.NONCE,
    nonce_bytes_max=auth.NONCE_MAX,
    spelling=Spelling(price_text, size_text, amount_text, average_text),
)
