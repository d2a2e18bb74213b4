"""`steelyard query`: a bot's trades, orders, fills and every record, asked in SQL."""

from steelyard.cli.following import Following, bring_up
from steelyard.cli.options import Common
from steelyard.cli.terminal import harmless
from steelyard.store.tables import Answer, ask_sqlite
from steelyard.trading.projection import TABLES, VIEWS

_EVERYONE = Common()
RECENT = (
    "SELECT time, symbol, side, size, price, fee, fee_asset, liquidity, trade_id, client_order_id "
    "FROM trades ORDER BY time DESC LIMIT 20"
)
CELL_MAX = 80  # letters of a cell, for people


def query(
    bot: str,
    sql: str = "",
    /,
    *,
    rebuild: bool = False,
    tables: bool = False,
    common: Common = _EVERYONE,
) -> int:
    """Ask about a bot's past in SQL; without a question, its last trades.

    There are the tables runs, orders, fills and events (every record of the journal, as JSON), and
    the view trades: fills with their orders. They are a SQLite file beside the journal, brought up
    to it before each question; nothing that is asked can change it, or hold the bot up. Amounts are
    exact decimal texts: CAST(size AS REAL) to reckon with them.

    Examples: steelyard query dip | steelyard query dip --tables |
    steelyard query dip "SELECT state, COUNT(*) FROM orders GROUP BY state"

    Parameters
    ----------
    bot
        Its name.
    sql
        The question.
    rebuild
        Make the tables anew from the journal first.
    tables
        Show the tables and their columns instead.
    """
    following = Following(common.directory, bot)
    sequence = bring_up(following, rebuild=rebuild)
    if tables:
        shown = {table.name: [name for name, _ in table.columns] for table in TABLES}
        text = "\n".join(f"{name}: {', '.join(columns)}" for name, columns in shown.items())
        common.show({**shown, "views": [*VIEWS]}, f"{text}\nviews: {', '.join(VIEWS)}")
        return 0
    answer = ask_sqlite(following.file, sql or RECENT)
    if common.json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        common.show({"sequence": sequence, "rows": rows, "is_cut": answer.is_cut})
        return 0
    for line in _aligned(answer):
        print(line)
    if answer.is_cut:
        print(f"only the first {len(answer.rows)} rows are shown")
    return 0


def _aligned(answer: Answer) -> list[str]:
    """Return rows as lines of columns, however wide that is: nothing is folded."""
    cells = [answer.columns, *(tuple(map(_cell, row)) for row in answer.rows)]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, wide, strict=True)).rstrip()
        for row in cells
    ]


def _cell(value: object) -> str:
    text = "" if value is None else harmless(str(value)).replace("\n", " ")
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 3]}..."
