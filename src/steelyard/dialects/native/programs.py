"""Whole programs for people to begin with, in three languages: the files of docs/examples/native.

They are part of the package, the manual prints them, and tests run them. Each runs as it stands
against a running exchange and needs nothing but its language (and for the shell, curl and
openssl). No secret stands on a command line.
"""

from importlib.resources import files


def program(name: str) -> str:
    """Return the text of a program, such as `order.py`.

    Raises:
        FileNotFoundError: There is none of that name.
    """
    place = files("steelyard").joinpath("examples", "native", name)
    return place.read_text(encoding="utf-8")
