"""What the venue really sent in 2021: its list of symbols, nine books, and a stream."""

import gzip
from pathlib import Path

import msgspec

from steelyard.dialects.kucoin import market
from steelyard.dialects.kucoin.messages import Book, Envelope, Symbol
from steelyard.domain.instrument import Listings


def symbols_of(shared_data: Path) -> tuple[Symbol, ...]:
    """Return the symbols."""
    with gzip.open(shared_data / "captures" / "KUCOIN.0.gz", "rt") as lines:
        listed = next(line for line in lines if "/symbols" in line).partition(": ")[2]
    return msgspec.json.decode(listed, type=Envelope[tuple[Symbol, ...]]).data


def listings_of(shared_data: Path) -> Listings:
    """Return what of them we can hold."""
    return Listings(market.instruments_from_wire(symbols_of(shared_data)).instruments)


def books_of(shared_data: Path) -> dict[str, Book]:
    """Return the books by symbol."""
    books = {}
    with gzip.open(shared_data / "captures" / "KUCOIN.http.0.0.gz", "rt") as lines:
        for line in lines:
            if "level2?symbol=" in line:
                symbol = line.partition("symbol=")[2].partition(" ")[0]
                told = msgspec.json.decode(line.partition(": ")[2], type=Envelope[Book])
                books[symbol] = told.data
    return books


def frames_of(shared_data: Path, listings: Listings) -> list[bytes]:
    """Return the messages about what is listed, as they were received."""
    with gzip.open(shared_data / "captures" / "KUCOIN.ws.1.0.gz", "rb") as lines:
        received = [
            line.partition(b": ")[2].strip()
            for line in lines
            if line[:1].isdigit() and b'"type":"message"' in line
        ]
    return [
        frame
        for frame in received
        if listings.find(msgspec.json.decode(frame)["topic"].partition(":")[2].partition("_")[0])
    ]
