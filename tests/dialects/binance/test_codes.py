"""Every documented code has a standing; the lists here were made from the venue's document."""

import re

import pytest

from steelyard.dialects.binance import codes
from steelyard.dialects.binance.client import BinanceClient
from steelyard.dialects.binance.codes import Standing
from steelyard.domain.commands import CancelAll
from steelyard.domain.messages import OrderList, OrderQuery, Refused
from steelyard.domain.order import RejectReason
from steelyard.wire.http import Response
from steelyard.wire.outcome import Answered, NotSent, Unknown
from tests.dialects.binance.test_client import PLACE
from tests.dialects.binance.test_text import LISTINGS

R = RejectReason
# Every number of errors.md as it was read on 2026-11-21, -2008, which is sent but not in it, and
# what the wallet says of withdrawals.
DOCUMENTED = [
    int(number)
    for number in """
    -1000 -1001 -1002 -1003 -1006 -1007 -1008 -1013 -1014 -1015 -1016 -1020 -1021 -1022 -1033 -1034
    -1035 -1100 -1101 -1102 -1103 -1104 -1105 -1106 -1108 -1111 -1112 -1114 -1115 -1116 -1117 -1118
    -1119 -1120 -1121 -1122 -1125 -1127 -1128 -1130 -1134 -1135 -1139 -1145 -1151 -1152 -1153 -1155
    -1158 -1160 -1161 -1165 -1166 -1168 -1169 -1170 -1171 -1172 -1173 -1174 -1175 -1176 -1177 -1178
    -1179 -1180 -1181 -1182 -1183 -1184 -1185 -1186 -1187 -1188 -1189 -1190 -1191 -1194 -1196 -1197
    -1198 -1199 -1210 -1211 -1220 -1221 -1222 -1223 -1224 -1225 -2010 -2011 -2013 -2014 -2015 -2016
    -2021 -2022 -2026 -2035 -2036 -2038 -2039 -2042 -2043 -2008 -4008 -4015 -4035 -4036
    """.split()
]
# All others are answers: the request was looked at and refused.
IN_DOUBT = {-1000, -1001, -1006, -1007, -1008, -2021}
LATER = {-1003, -1015, -1016, -1021, -1034, -1035, -1181}
NOT_WITH_THIS_KEY = {-1002, -1022, -1033, -2008, -2014, -2015}
REASONS = {
    -1108: R.AMOUNT_TOO_LARGE,
    -1111: R.SIZE_OFF_LOT,
    -1121: R.UNKNOWN_INSTRUMENT,
    -2013: R.UNKNOWN_ORDER,
    -2026: R.UNKNOWN_ORDER,
    -2039: R.UNKNOWN_ORDER,
}


def standing(code: int) -> Standing:
    if code in IN_DOUBT:
        return Standing.UNKNOWN
    if code in NOT_WITH_THIS_KEY:
        return Standing.DENIED
    return Standing.NOT_TAKEN_UP if code in LATER else Standing.ANSWERED


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_has_its_standing_and_a_reason(code):
    """In the table by itself, not by a default."""
    meaning = codes.CODES[code]
    assert meaning.standing is standing(code)
    assert meaning.reason is REASONS.get(code, R.UNSUPPORTED)
    assert meaning.why
    assert codes.meaning_of(400, code, "") == meaning


def test_the_table_has_no_code_that_the_document_has_not():
    assert set(codes.CODES) == set(DOCUMENTED)
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


@pytest.mark.parametrize("message", [PLACE, OrderQuery(0, 0, "a")], ids=["command", "query"])
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 418, 429, 500, 503, 504])
def test_status_and_code_make_one_outcome(message, status):
    """Limits and the firewall come first, then 5xx, then the code; command and query alike."""
    by_standing = {Standing.ANSWERED: Answered, Standing.UNKNOWN: Unknown}
    for code in DOCUMENTED:
        body = b'{"code":%d,"msg":"any text"}' % code
        outcome = BinanceClient().outcome(message, Response(status, {}, body), LISTINGS, 0)
        if status in {403, 418, 429}:
            wanted = NotSent
        elif status >= 500 or status < 400:
            wanted = Unknown
        else:
            wanted = by_standing.get(standing(code), NotSent)
        assert type(outcome) is wanted, code
        if wanted is NotSent:
            is_looked_at = status in {400, 401, 404, 409}
            assert outcome.is_denied == (code in NOT_WITH_THIS_KEY and is_looked_at), code


@pytest.mark.parametrize(
    ("status", "code", "wanted"),
    [
        (400, -9999, Standing.ANSWERED),
        (400, -1300, Standing.ANSWERED),
        (400, -1099, Standing.UNKNOWN),
        (400, -1036, Standing.UNKNOWN),
        (400, 0, Standing.UNKNOWN),
        (404, 7, Standing.UNKNOWN),
    ],
)
def test_codes_that_are_new(status, code, wanted):
    """A no is a no; but troubles of servers, and what is no code, leave it open."""
    assert codes.meaning_of(status, code, "").standing is wanted


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (-2010, "Duplicate order sent.", R.DUPLICATE_CLIENT_ORDER_ID),
        (-2010, "Filter failure: MAX_POSITION", R.AMOUNT_TOO_LARGE),
        (-2010, "Filter failure: EXCHANGE_MAX_NUM_ORDERS", R.TOO_MANY_ORDERS),
        (-2010, "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS", R.TOO_MANY_TRIGGERS),
        (-2010, "Filter failure: MAX_NUM_ICEBERG_ORDERS", R.TOO_MANY_ORDERS),
        (-2010, "Filter failure: MAX_NUM_ORDER_AMENDS", R.UNSUPPORTED),
        (-2010, "Price * QTY is zero or less.", R.NOTIONAL_TOO_SMALL),
        (-2010, "This symbol is restricted for this account.", R.UNSUPPORTED),
        (-2011, "Unknown order sent.", R.UNKNOWN_ORDER),
        (-2011, "Market is closed.", R.MARKET_HALTED),
        (-2011, "This account may not place or cancel orders.", R.UNSUPPORTED),
        (-2011, "Order was not canceled due to cancel restrictions.", R.UNSUPPORTED),
        (-2038, "Order amend (quantity increase) is not supported.", R.SIZE_BELOW_FILLED),
        (-2038, "Unknown order sent.", R.UNKNOWN_ORDER),
        (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", R.PRICE_OUTSIDE_BAND),
        (-1013, "Filter failure: TO_COME_SOME_DAY", R.UNSUPPORTED),
        (-1013, "Duplicate order sent.", R.UNSUPPORTED),
        (-1111, "Parameter 'price' has too much precision.", R.PRICE_OFF_TICK),
        (-1111, "Parameter 'quantity' has too much precision.", R.SIZE_OFF_LOT),
    ],
)
def test_texts_tell_apart_what_has_one_code(code, text, reason):
    meaning = codes.meaning_of(400, code, text)
    assert (meaning.standing, meaning.reason) == (Standing.ANSWERED, reason)


@pytest.mark.parametrize(
    ("text", "is_done"),
    [("Unknown order sent.", True), ("This account may not place or cancel orders.", False)],
)
def test_only_where_there_was_nothing_everything_is_canceled(text, is_done):
    """The kill switch must not believe that orders are gone which it may not cancel."""
    body = b'{"code":-2011,"msg":"%s"}' % text.encode()
    outcome = BinanceClient().outcome(CancelAll(0, 0), Response(400, {}, body), LISTINGS, 0)
    assert outcome.answer == OrderList(()) if is_done else isinstance(outcome.answer, Refused)


def test_the_texts_are_from_the_document():
    """Each is the beginning of a whole sentence or filter's name, so that none fits by accident."""
    for numbers, beginning, _ in codes.TEXTS:
        assert set(numbers) <= set(codes.CODES)
        assert re.match(r"[A-Z]", beginning)
        assert len(beginning) >= len("Invalid price")
