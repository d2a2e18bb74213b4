from steelyard.dialects.native import DIALECT
from steelyard.dialects.native.manual import (
    Bullets,
    Code,
    Heading,
    Problem,
    Prose,
    Route,
    Table,
    blocks,
)
from steelyard.dialects.native.markdown import text


def test_blocks_become_markdown():
    """One of each."""
    given = [
        Heading(2, "Errors", "errors"),
        Prose("See [A](#A_B) and [/docs](/docs)."),
        Bullets(("one", "two")),
        Table(("a", "b"), (("`x|y`", ""),)),
        Code("json", "{}\n"),
        Route("GET", "/x/{id}", "An x", "public", "1", "GET-/x/id"),
        Problem("A_B", 400, "Wrong.", "Mend it."),
    ]
    assert text(given) == (
        "## Errors\n\nSee [A](#a_b) and `/docs`.\n\n- one\n- two\n\n"
        "| a | b |\n| --- | --- |\n| `x\\|y` |  |\n\n```json\n{}\n```\n\n"
        "### GET /x/{id}\n\nAn x. **public**, weight 1.\n\n#### A_B\n\n400. Wrong. *Mend it.*\n"
    )


def test_the_vector_is_marked_as_runnable():
    """The documentation's own test runs it; what is in step with the code, test_reference says."""
    made = text(blocks(DIALECT))
    assert "```python runnable\nimport hashlib, hmac" in made
