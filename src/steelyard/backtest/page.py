"""A document as one HTML file: script, style and data inside, and nothing that asks anybody.

What is in a document may have come from anywhere (a strategy's name, a note, a file's), so it
reaches the page as JSON in a block of data that no browser runs, with `<`, `>` and `&` spelled out;
the script puts it on the page as text. The policy in the file's head names the one script that may
run by its hash and lets nothing be loaded, whatever a mistake elsewhere would allow.
"""

import base64
import hashlib
import re
from html import escape
from typing import NamedTuple

from steelyard.domain.errors import UsageError


class Template(NamedTuple):
    """The built page: its script and its style, as vite has made them of web/."""

    script: str
    style: str


_SPELLED = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{hash}'; \
style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="page"></div>
<noscript>This report draws charts and needs JavaScript. It asks nobody for anything.</noscript>
<script type="application/json" id="document">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def render(title: str, document: bytes, template: Template) -> str:
    """Return a document, which is JSON, as a page.

    Raises:
        UsageError: The template is not one that can stand inside of a page.
    """
    # Within a string or an expression of a script, which is where it can stand, this is the same.
    script = re.sub(r"</(?=script)", r"<\\/", template.script, flags=re.IGNORECASE)
    script = script.replace("<!--", "<\\!--")
    if not script.strip() or re.search(r"</style", template.style, re.IGNORECASE):
        raise UsageError("the report's page is not built as it should be; say `make page`")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _PAGE.format(
        hash=f"sha256-{digest}",
        title=escape(title),
        style=template.style,
        data=document.decode().translate(_SPELLED),
        script=script,
    )
