"""How many examples Hypothesis tries where a hundred are too many: in step with the profile."""

from hypothesis import settings

DEFAULT = settings.get_profile("ci").max_examples


def examples(count: int) -> settings:
    """Return settings for `count` examples in `make test`, fewer or more in other profiles."""
    assert settings.default is not None, "a profile is loaded"
    return settings(max_examples=max(1, count * settings.default.max_examples // DEFAULT))
