import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.net import answers
from steelyard.net.answers import Answers, write_answer, write_nothing
from steelyard.wire.http import Response

DATE = "Mon, 23 Nov 2026 01:02:03 GMT"
JSON = {"content-type": "application/json"}

texts = st.text(st.characters(max_codepoint=0x2FF), max_size=8)
plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
responses = st.builds(
    Response,
    st.sampled_from([200, 201, 204, 304, 400, 429, 503, 599]),
    st.dictionaries(plain | texts, plain | texts, max_size=4),
    st.binary(max_size=40) | st.binary(max_size=9).map(bytearray),
)


def dated() -> Answers:
    found = Answers()
    found.set_date(DATE)
    return found


@pytest.mark.skipif(write_answer is write_nothing, reason="no native module was built")
@given(responses, st.booleans(), st.booleans(), st.booleans())
def test_the_native_way_writes_what_python_writes(response, is_head, is_old, is_last):
    """Whether it is the first of its status or a later one, written natively, is not to be seen."""
    how = {"is_head": is_head, "is_old": is_old, "is_last": is_last}
    first, later = dated(), dated()
    later.write(Response(response.status, JSON, b"before"))
    assert later.write(response, **how) == first.write(response, **how)


@pytest.mark.skipif(write_answer is write_nothing, reason="no native module was built")
def test_a_plain_answer_is_written_natively():
    """Else the test before it would hold one way against itself."""
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "write_answer", lambda *what: asked.append(write_answer(*what)))
        found = dated()
        for _ in range(2):
            whole = found.write(Response(200, JSON, b"{}"))
    assert asked == [whole]


def test_an_answer_has_its_length_and_the_date_of_now():
    """A date that was taken since counts for what is written natively too."""
    found = dated()
    for date in (DATE, DATE, "later"):
        found.set_date(date)
        for _ in range(2):
            assert found.write(Response(201, {"a": "b"}, b"body")) == (
                b"HTTP/1.1 201 Created\r\nx-content-type-options: nosniff\r\n"
                b"date: %s\r\na: b\r\ncontent-length: 4\r\n\r\nbody" % date.encode()
            )


@pytest.mark.parametrize("odd", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_a_header_that_ends_early_is_not_written(odd):
    """Neither the first answer of a status nor a later one, in a name or in a value."""
    found = dated()
    for headers in ({"a": odd}, {odd: "a"}):
        assert found.write(Response(200, headers, b"")) is None
        found.write(Response(200, JSON, b""))
        assert found.write(Response(200, headers, b"")) is None
