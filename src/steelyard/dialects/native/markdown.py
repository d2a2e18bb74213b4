"""The manual as Markdown: `docs/reference/native-api.md`, as `scripts/reference.py` writes it."""

from collections.abc import Iterable, Iterator

from steelyard.dialects.native.manual import (
    Block,
    Bullets,
    Code,
    Heading,
    Problem,
    Prose,
    Route,
    Table,
)


def text(blocks: Iterable[Block]) -> str:
    """Return the whole text."""
    return "\n\n".join(part for block in blocks for part in _parts(block)) + "\n"


def _parts(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {block.text}"
        case Prose():
            yield _prose(block.text)
        case Bullets():
            yield "\n".join(f"- {_prose(item)}" for item in block.items)
        case Table():
            yield _table(block)
        case Code():
            yield f"```{block.language}\n{block.text.rstrip()}\n```"
        case Route():
            yield f"### {block.method} {block.path}"
            yield f"{block.summary}. **{block.who}**, weight {block.weight}."
        case Problem():
            yield f"#### {block.code}"
            yield f"{block.status}. {block.meaning} *{block.mend}*"


def _table(table: Table) -> str:
    lines = [table.head, tuple("---" for _ in table.head), *table.rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _prose(text: str) -> str:
    # Pages of a running exchange are no files of the repository.
    for page in ("/openapi.json", "/asyncapi.json", "/docs"):
        text = text.replace(f"[{page}]({page})", f"`{page}`")
    return _lower_links(text)


def _lower_links(text: str) -> str:
    """Return the text with links to headings in the form that Markdown readers give them."""
    before, mark, rest = text.partition("](#")
    if not mark:
        return text
    target, _, after = rest.partition(")")
    return f"{before}](#{target.lower()}){_lower_links(after)}"
