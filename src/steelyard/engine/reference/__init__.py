"""The reference engine, parted by nouns; `docs/concepts/orders.md` says the same in words.

`engine` is the way in. `placing`, `amending`, `house` and `administration` carry out commands,
`refusals` says what is wrong with them; `matching`, `triggers` and `groups` are what happens to
orders, `settlement` and `fees` what happens to money. All work on the plain data of `state`;
`snapshot` writes and reads it, `possible` knows which of it commands could have led to. The book
is next door (`engine/book.py`).
"""

from steelyard.engine.reference.engine import ReferenceEngine

__all__ = ["ReferenceEngine"]
