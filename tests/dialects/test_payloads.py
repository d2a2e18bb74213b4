"""What compares payloads and reads recordings, so that a dialect's tests may trust it."""

import gzip

import pytest
from payloads import SAME, Payload, again, check, differences, document, unnamed
from recordings import Kind, answers, captured, heard, streamed


@pytest.mark.parametrize(
    ("before", "after", "field", "path"),
    [
        ('{"a":[{"b":1}]}', '{"a":[{}]}', "lost", "a[].b"),
        ('{"a":{}}', '{"a":{"b":1}}', "added", "a.b"),
        ('{"a":1}', '{"a":"1"}', "changed", "a"),
        ('{"a":1}', '{"a":1.0}', "changed", "a"),
        ('{"a":1}', '{"a":true}', "changed", "a"),
        ('{"a":"0.10"}', '{"a":"0.1"}', "changed", "a"),
        ('{"a":[1,2]}', '{"a":[1]}', "changed", "a"),
        ('{"a":null}', "{}", "lost", "a"),
    ],
)
def test_a_difference_is_seen(before, after, field, path):
    found = differences(document(before), document(after))
    assert found == SAME._replace(**{field: {path}})


def test_numbers_of_a_document_have_to_be_numbers():
    with pytest.raises(ValueError, match="NaN is not JSON"):
        document('{"a":NaN}')


def test_a_payload_has_to_be_what_the_table_says(tmp_path):
    """Its part, what is lost, and what it means: each may be wrong."""
    path = tmp_path / "payload.json"
    path.write_text('{"of":"x","part":[1,2]}')
    right = Payload(tuple[int, ...], len, 23, part="part")
    check(right, path)
    for wrong in (
        right._replace(meaning=22),
        right._replace(lost={"[]": "said to be lost, and is there"}),
        right._replace(part="", kind=dict[str, object], added={"new": "nobody adds it"}),
    ):
        with pytest.raises(AssertionError):
            check(wrong, path)
    assert again('{"a":1}', dict[str, int]) == SAME


def test_what_no_table_names_is_told():
    assert unnamed(["b", "x1", "a"], ["a"], {"x": "left out"}) == ["b"]


def test_every_line_of_a_capture_is_of_a_known_form(tmp_path):
    path = tmp_path / "capture.gz"
    lines = (
        "wss://venue/stream <-> 1.5",
        'wss://venue/stream <- 2: {"op":"subscribe"}',
        '3.000000001: {"a":"x -> y: z"}',
        "https://venue/book?x=1 -> 4: []",
        "4.5: pong",
        'configuration: {"trades":[]}',
        "",
    )
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = [*captured(path)]
    assert [it.kind for it in found] == [
        *(Kind.OPENED, Kind.SENT, Kind.HEARD, Kind.ANSWER, Kind.HEARD),
    ]
    assert [it.time_ns for it in found[:3]] == [1_500_000_000, 2_000_000_000, 3_000_000_001]
    assert {it.address for it in found if it.kind is not Kind.ANSWER} == {"wss://venue/stream"}
    assert [*heard(path)] == ['{"a":"x -> y: z"}', "pong"]
    assert [*answers(path)] == [("https://venue/book?x=1", "[]")]
    path.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(ValueError, match=r"capture.gz, line 1: 'something else'"):
        [*captured(path)]


def test_every_capture_can_be_read(shared_data):
    """All venues: each file holds something, and nothing of it is of an unknown form."""
    for path in sorted((shared_data / "captures").glob("*.gz")):
        assert sum(1 for _ in captured(path)) > 0, path.name


def test_a_stream_has_a_time_and_a_frame_in_each_line(tmp_path):
    path = tmp_path / "stream.gz"
    path.write_bytes(gzip.compress(b'17 {"a": 1}\n18 []\n'))
    assert [*streamed(path)] == [(17, b'{"a": 1}'), (18, b"[]")]
