import pytest

from steelyard.cli.exposition import BUCKETS_S, Buckets, Family, Histogram, exposition, one


def test_a_family_is_told_with_its_kind_and_its_labels():
    requests = Family("requests_total", "counter", "How many.", ("dialect", "outcome"))
    up = Family("up", "gauge", "Whether.")
    assert exposition({requests: [(("a", "OK"), 2), (("b", "NO"), 0)], up: one(1)}) == (
        "# HELP requests_total How many.\n# TYPE requests_total counter\n"
        'requests_total{dialect="a",outcome="OK"} 2\n'
        'requests_total{dialect="b",outcome="NO"} 0\n'
        "# HELP up Whether.\n# TYPE up gauge\nup 1\n"
    )


def test_a_label_cannot_break_out_of_its_quotes():
    family = Family("x", "gauge", "X.", ("name",))
    text = exposition({family: [(('a"} 1\ny{b="\\',), 5)]})
    assert text.splitlines()[2:] == ['x{name="a\\"} 1\\ny{b=\\"\\\\"} 5']


def test_a_sample_has_as_many_labels_as_its_family():
    with pytest.raises(ValueError, match="zip"):
        exposition({Family("x", "gauge", "X.", ("name",)): one(5)})


def test_a_histogram_counts_up_to_each_bound():
    histogram = Histogram()
    for time_s in (0.0001, 0.001, 0.002, 7.0):
        histogram.add(time_s)
    lines = exposition({Family("t", "histogram", "T."): histogram}).splitlines()[2:]
    assert lines[:3] == [
        't_bucket{le="0.0005"} 1',
        't_bucket{le="0.001"} 2',
        't_bucket{le="0.0025"} 3',
    ]
    assert lines[len(BUCKETS_S) :] == ['t_bucket{le="+Inf"} 4', "t_sum 7.003100000", "t_count 4"]


def test_a_histogram_with_labels_counts_up_to_each_bound():
    """Its own bounds; what is beyond them counts to the last."""
    family = Family("t", "histogram", "T.", ("step",))
    text = exposition({family: [Buckets(("a",), (0.001, 1.0), (2, 0, 1), 7.5)]})
    assert text.splitlines()[2:] == [
        't_bucket{step="a",le="0.001"} 2',
        't_bucket{step="a",le="1.0"} 2',
        't_bucket{step="a",le="+Inf"} 3',
        't_sum{step="a"} 7.500000000',
        't_count{step="a"} 3',
    ]
