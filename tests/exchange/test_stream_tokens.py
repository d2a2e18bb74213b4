from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.messages import MINUTE_NS
from steelyard.domain.stream_tokens import CloseStreamToken, KeepStreamToken, OpenStreamToken
from steelyard.exchange import stream_tokens
from steelyard.exchange.stream_tokens import GOOD_NS, StreamTokens


def new_tokens() -> StreamTokens:
    numbers = iter(range(1, 10_000))
    return StreamTokens(lambda size: next(numbers).to_bytes(size, "big"))


steps = st.tuples(
    st.sampled_from([OpenStreamToken, KeepStreamToken, CloseStreamToken]),
    st.integers(1, 3),
    st.integers(0, 90),
)


@given(st.lists(steps, max_size=30))
def test_a_token_is_good_for_an_hour_after_it_was_last_asked_for(asked):
    """Against the plainest model: the time of each account's last opening or keeping."""
    tokens, now_ns = new_tokens(), 0
    held: dict[int, str] = {}
    until: dict[str, int] = {}
    for kind, account, minutes in asked:
        now_ns += minutes * MINUTE_NS
        is_good = until.get(held.get(account, ""), 0) > now_ns
        if kind is OpenStreamToken:
            told = tokens.carry_out(OpenStreamToken(account, f"key {account}"), now_ns)
            assert (told.token == held.get(account)) == is_good
            held[account] = told.token
            until[told.token] = now_ns + GOOD_NS
        else:
            token = held.get(account, "none")
            assert tokens.carry_out(kind(account, token), now_ns).is_known == is_good
            if is_good:
                until[token] = now_ns + GOOD_NS if kind is KeepStreamToken else 0
        for of, token in held.items():
            owner = (of, f"key {of}") if until[token] > now_ns else None
            assert tokens.owner(token, now_ns) == owner


def test_somebody_elses_token_is_not_known():
    tokens = new_tokens()
    token = tokens.carry_out(OpenStreamToken(1, "k"), 0).token
    for kind in (KeepStreamToken, CloseStreamToken):
        assert not tokens.carry_out(kind(2, token), 0).is_known
    assert tokens.owner(token, 0) == (1, "k")


def test_of_too_many_the_one_that_was_kept_longest_ago_goes(monkeypatch):
    monkeypatch.setattr(stream_tokens, "TOKENS_MAX", 2)
    tokens = new_tokens()
    first, second = (tokens.carry_out(OpenStreamToken(n, f"k{n}"), n).token for n in (1, 2))
    tokens.carry_out(KeepStreamToken(1, first), 3)
    third = tokens.carry_out(OpenStreamToken(3, "k3"), 4).token
    owners = [tokens.owner(token, 5) for token in (first, second, third)]
    assert owners == [(1, "k1"), None, (3, "k3")]
