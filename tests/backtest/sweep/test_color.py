"""The colors of heat maps."""

from itertools import pairwise

from steelyard.backtest.sweep.color import is_light, rgb


def lightness(color: tuple[int, int, int]) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def test_better_is_lighter_all_the_way():
    """So a map can be read in gray, too; what is beyond the ends has their color."""
    path = [lightness(rgb(place / 100)) for place in range(101)]
    assert all(a < b + 0.5 for a, b in pairwise(path))
    assert path[-1] - path[0] > 150
    assert (rgb(-1), rgb(2)) == (rgb(0), rgb(1))


def test_letters_can_be_read_on_every_color():
    """In black or in white, at a contrast that is enough for small letters."""

    def part(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    def luminance(color: tuple[int, int, int]) -> float:
        red, green, blue = map(part, color)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for place in range(101):
        color = rgb(place / 100)
        under = luminance(color)
        contrast = (under + 0.05) / 0.05 if is_light(color) else 1.05 / (under + 0.05)
        assert contrast > 3.5
