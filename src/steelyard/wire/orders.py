"""Orders as signed bytes, natively: sized to tick and lot, signed and ready to send by one call.

The invariant: what is signed is what is sent, and nothing is sent that is off the instrument's
steps or limits. The dialect's form says what stands where; its Python code is the specification.
Minimum notionals are not checked here. It is not imported where no native module was built.
"""

from base64 import b64decode
from typing import Self

from steelyard._native import OrderSigner as Native
from steelyard.domain.errors import ConfigError
from steelyard.wire.dialect import ApiKey
from steelyard.wire.tables import Encoding, OrderForm

__all__ = ["OrderSigner"]


class OrderSigner(Native):
    """Orders of one kind, instrument and key as requests.

    `request` takes ticks and lots; `sized` takes numbers as text or Decimal and rounds them: sizes
    down, a buyer's price down, a seller's up. Both return the bytes of a whole HTTP request.
    """

    def __new__(cls, form: OrderForm, key: ApiKey) -> Self:
        """Make a signer; of the secret it keeps two hashes.

        Raises:
            ConfigError: The form cannot be filled in, or the key has no secret; it says why.
        """
        if key.sign is not None:
            raise ConfigError("this signs with a shared secret; a key pair signs by itself")
        try:
            return super().__new__(cls, form, _secret(form, key.secret))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"a form cannot be used: {error}") from error


def _secret(form: OrderForm, secret: bytes) -> bytes:
    """Return the bytes that sign; a secret that is mistyped signs too, and the venue refuses it."""
    if form.secret is not Encoding.BASE64:
        return secret
    try:
        return b64decode(secret, validate=True) or secret
    except ValueError:
        return secret
