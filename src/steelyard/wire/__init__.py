"""Framing, sessions and limits that no venue owns; what a dialect's manifest is made of."""
