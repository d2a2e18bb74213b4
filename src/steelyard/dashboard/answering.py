"""What a page's server answers when it cannot do what was asked.

Whatever goes wrong in the page's code, it is answered and stays there: the process that serves a
page may be a bot that trades, or the exchange.
"""

import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from steelyard.domain.errors import SteelyardError, UsageError
from steelyard.wire.http import Response, json_response

Note = Callable[[str], None]  # told of what nobody has foreseen


def refused(status: int, message: str) -> Response:
    """Return a refusal in words."""
    body = {"error": {"code": "REFUSED", "message": message}}
    return json_response(status, msgspec.json.encode(body))


async def answered(work: Awaitable[Response], note: Note) -> Response:
    """Return the response of some work, or what became of it: it raises nothing."""
    try:
        return await work
    except (msgspec.DecodeError, UnicodeError, RecursionError, UsageError) as error:
        return refused(400, str(error))
    except SteelyardError as error:
        return refused(502, str(error))
    except Exception as error:  # noqa: BLE001 a page that is looked at ends no bot
        with suppress(OSError):  # a full disk has no room for a log
            note("".join(traceback.format_exception(error)).strip())
        kind = type(error).__name__
        return refused(500, f"this cannot be done here ({kind}: {error}); its log has more")
