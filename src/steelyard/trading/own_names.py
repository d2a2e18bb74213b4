"""The names that a base class keeps for itself, so that a subclass cannot take one by accident.

Whoever writes `told = 3` in a class, or `self.told = 3` in a method, would otherwise hide what the
base class and its runner read there, and be told so by something far away. Reading costs nothing
more: a property stays a plain one. What is meant to be overridden is not kept.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from steelyard.domain.errors import UsageError

# Of a leg and of a strategy: what is neither a callback nor there to be overridden.
OWN = frozenset(
    {
        *("desk", "instrument", "position", "book", "price", "history", "open_orders"),
        *("now_ns", "now", "cash", "trouble", "buy", "sell", "stop", "take_profit", "protect"),
        *("amend", "cancel", "cancel_all", "log", "size"),
        *("legs", "leg", "told", "every", "hear", "take_legs", "warm_up"),
        *("wants", "bind", "failed_elsewhere"),
    }
)


def keep(*bases: type) -> None:
    """Let every setting of a property that is kept say that the name is taken."""
    for base in bases:
        for name, found in [*vars(base).items()]:
            if name in OWN and isinstance(found, property):
                setattr(base, name, found.setter(_refusal(base, name)))


def refuse_taken(base: type, kind: type) -> None:
    """Refuse a subclass that has something of its own under a name that is kept.

    Raises:
        UsageError: The message names it, and says what the name stands for.
    """
    for name in vars(kind):
        if name in OWN:
            raise UsageError(_words(base, kind, name))


def _refusal(base: type, name: str) -> Callable[[Any, object], NoReturn]:
    def refuse(self: object, _: object) -> NoReturn:
        raise UsageError(_words(base, type(self), name))

    return refuse


def _words(base: type, kind: type, name: str) -> str:
    said = (getattr(base, name).__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return (
        f"{kind.__name__}.{name}: every strategy has a {name} already ({said}); call yours "
        f"something else, such as own_{name}"
    )
