"""The colors of heat maps: from worst to best, alike in light and dark and to most eyes.

A path through blue and yellow whose lightness only rises, so that it also reads in gray and to
those who cannot tell red from green.
"""

# Points of the path, worst first; between them colors are mixed evenly.
_STOPS = (
    (38, 36, 96),
    (46, 84, 140),
    (36, 131, 141),
    (63, 174, 122),
    (158, 207, 82),
    (250, 228, 70),
)


def rgb(share: float) -> tuple[int, int, int]:
    """Return the color of a share from 0, the worst, to 1, the best; beyond them, their own."""
    place = min(1.0, max(0.0, share)) * (len(_STOPS) - 1)
    below = min(int(place), len(_STOPS) - 2)
    part = place - below
    low, high = _STOPS[below], _STOPS[below + 1]
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return red, green, blue


def is_light(color: tuple[int, int, int]) -> bool:
    """Whether dark letters read better on a color."""
    red, green, blue = color
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140  # noqa: PLR2004 of 255
