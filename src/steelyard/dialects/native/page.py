"""The manual as one HTML page without anything from elsewhere: what `/docs` answers.

It carries its own style and icon, reads in a light and a dark theme, on a wide screen and on a
phone, and prints. Its script is the search and nothing else; the page is whole without it.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from urllib.parse import quote

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

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" '
    'rx="8" fill="#14181e"/><g fill="none" stroke="#e9b44c" stroke-width="2.4" '
    'stroke-linecap="round" stroke-linejoin="round"><path d="M5.5 13.6 26.5 9.4"/>'
    '<path d="M12 6v6.3"/><path d="M8.5 13v4.5"/><path d="M5.2 17.5h6.6a3.3 3.3 0 0 1-6.6 0Z" '
    'fill="#e9b44c" stroke-width="1.6"/><path d="M22 10.3v9.2"/></g><rect x="19.2" y="19.5" '
    'width="5.6" height="6" rx="1.4" fill="#e8ecf1"/></svg>'
)

_TOKEN = re.compile(
    r"""(?P<name>"[^"\\\n]*"(?=:))
    |(?P<text>"(?:[^"\\\n]|\\.)*")
    |(?P<number>\b[0-9][0-9_.]*\b)
    |(?P<word>\b(?:import|from|const|function|async|await|new|throw|local|printf|def|return|if|else|is|try|except|with|as|raise|assert|None|null|true|false)\b)
    """,
    re.VERBOSE,
)

STYLE = """
:root {
  color-scheme: light dark;
  --sans: Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif;
  --mono: "Geist Mono", ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace;
  --ground: #eef0f3; --panel: #ffffff; --raised: #f4f5f7; --line: #e3e6ea; --edge: #d6dae0;
  --text: #12161c; --muted: #4d5866; --faint: #5e6878; --link: #1f56c9; --mark: #fff3d6;
  --get: #1f56c9; --get-soft: #e1ebff; --post: #08764f; --post-soft: #d5f0e4;
  --patch: #855800; --patch-soft: #fff3d6; --delete: #c4213c; --delete-soft: #fbdfe3;
  --sand: #b27d16;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #090b0e; --panel: #101318; --raised: #171b21; --line: #1f252d; --edge: #2b323c;
    --text: #e9edf2; --muted: #a0aab8; --faint: #8a95a5; --link: #8ab4ff; --mark: #2e2412;
    --get: #8ab4ff; --get-soft: #1a2740; --post: #34c491; --post-soft: #12302a;
    --patch: #f2b950; --patch-soft: #2e2412; --delete: #f4657a; --delete-soft: #3a1a22;
    --sand: #eab64e;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { background: var(--ground); color: var(--text); font: 400 15px/1.6 var(--sans);
  scroll-behavior: smooth; scroll-padding-top: 20px; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; display: grid; grid-template-columns: 288px minmax(0, 1fr); }
a { color: var(--link); text-decoration-color: color-mix(in srgb, currentColor 35%, transparent);
  text-underline-offset: 3px; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 4px; }
:target { background: var(--mark); box-shadow: 0 0 0 8px var(--mark); border-radius: 4px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 12px; top: 12px; background: var(--panel); padding: 8px 12px; z-index: 1; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 24px 14px 40px 20px;
  border-right: 1px solid var(--edge); background: var(--panel); font-size: 13px;
  scrollbar-width: thin; }
nav .brand { display: flex; align-items: center; gap: 10px; font-weight: 650; font-size: 15px;
  margin: 0 0 18px; color: var(--text); text-decoration: none; }
nav .brand svg { width: 30px; height: 30px; flex: none; }
nav .brand small { display: block; font-weight: 400; font-size: 12px; color: var(--faint);
  line-height: 1.3; }
nav .chapter { display: block; margin: 14px 0 4px; font-weight: 600; color: var(--text);
  text-decoration: none; }
nav .chapter:hover { color: var(--link); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; align-items: baseline; gap: 7px; padding: 2px 6px; margin-left: -6px;
  border-radius: 5px; color: var(--muted); text-decoration: none; }
nav li a:hover { background: var(--raised); color: var(--text); }
nav li .path { overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  font: 400 12px/1.6 var(--mono); }
main { padding: 44px clamp(20px, 5vw, 72px) 120px; max-width: 1060px; }
h1 { font-size: 34px; line-height: 1.2; letter-spacing: -.02em; font-weight: 680;
  margin: 0 0 12px; }
h2 { font-size: 23px; line-height: 1.3; letter-spacing: -.012em; font-weight: 650;
  margin: 64px 0 12px; padding-top: 22px; border-top: 1px solid var(--edge); }
h3 { font-size: 16px; font-weight: 640; margin: 36px 0 8px; }
h2 a, h3 a { color: inherit; text-decoration: none; }
h2 a:hover::after, h3 a:hover::after { content: " #"; color: var(--faint); }
p, ul { margin: 0 0 12px; max-width: 74ch; }
main ul { padding-left: 20px; }
main li { margin: 3px 0; }
main > p:first-of-type { font-size: 17px; color: var(--muted); }
code { font: 400 .87em/1.5 var(--mono); background: var(--raised); border: 1px solid var(--line);
  border-radius: 4px; padding: .08em .34em; overflow-wrap: anywhere; }
pre { margin: 0 0 16px; padding: 14px 16px; overflow-x: auto; background: var(--panel);
  border: 1px solid var(--edge); border-radius: 9px; font: 400 12.5px/1.6 var(--mono);
  tab-size: 4; }
pre code { all: unset; }
pre .name { color: var(--link); } pre .text { color: var(--post); }
pre .number, pre .word { color: var(--patch); }
.table { overflow-x: auto; margin: 0 0 16px; border: 1px solid var(--edge); border-radius: 9px;
  background: var(--panel); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.5; }
th { text-align: left; font-weight: 560; color: var(--faint); font-size: 12px; white-space: nowrap;
  padding: 8px 14px; background: var(--raised); }
td { padding: 8px 14px; vertical-align: top; border-top: 1px solid var(--line); }
td:first-child, td code { white-space: nowrap; }
td:nth-child(3):not(:last-child) { line-height: 1.75; }
td:last-child { min-width: 15em; }
.route { margin: 40px 0 10px; padding: 12px 16px; background: var(--panel);
  border: 1px solid var(--edge); border-radius: 9px; display: flex; flex-wrap: wrap;
  align-items: center; gap: 4px 12px; }
.route h3 { margin: 0; font-size: 15px; }
.route .path { font: 500 14.5px/1.5 var(--mono); overflow-wrap: anywhere; }
.route .facts { margin-left: auto; display: flex; gap: 8px; font-size: 12px; color: var(--muted); }
.route + p { font-weight: 560; }
.fact { border: 1px solid var(--edge); border-radius: 99px; padding: 1px 9px; white-space: nowrap; }
.fact.signed { color: var(--sand); border-color: color-mix(in srgb, var(--sand) 45%, transparent); }
.verb { font: 650 10.5px/1 var(--mono); letter-spacing: .02em; padding: 4px 6px; border-radius: 5px;
  flex: none; min-width: 52px; text-align: center; }
nav .verb { min-width: 46px; font-size: 9.5px; padding: 3px 4px; }
.GET { color: var(--get); background: var(--get-soft); }
.POST { color: var(--post); background: var(--post-soft); }
.PATCH { color: var(--patch); background: var(--patch-soft); }
.DELETE { color: var(--delete); background: var(--delete-soft); }
.problem { display: grid; grid-template-columns: minmax(220px, 270px) 1fr; gap: 2px 18px;
  padding: 10px 0; border-top: 1px solid var(--line); font-size: 14px; }
.problem h4 { margin: 0; font: 560 12.5px/1.7 var(--mono); overflow-wrap: anywhere; }
.problem h4 a { color: inherit; text-decoration: none; }
.problem h4 a:hover { color: var(--link); }
.problem .status { color: var(--faint); font-weight: 400; margin-right: 8px; }
.problem p { margin: 0; }
.problem .mend { color: var(--muted); }
nav input { width: 100%; margin: 0 0 6px; padding: 7px 10px; font: inherit; color: var(--text);
  background: var(--raised); border: 1px solid var(--edge); border-radius: 7px; }
nav input::placeholder { color: var(--faint); }
.found { display: block; min-height: 1.5em; font-size: 12px; color: var(--faint); }
[hidden] { display: none !important; }
@media (max-width: 860px) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--edge);
    padding: 18px 20px; }
  nav ul { display: none; }
  nav .chapters { display: flex; flex-wrap: wrap; gap: 4px 14px; }
  nav .chapter { margin: 0; font-weight: 500; color: var(--link); }
  nav .brand { margin-bottom: 12px; }
  main { padding-top: 28px; }
  h1 { font-size: 28px; }
  .route .facts { margin-left: 0; width: 100%; }
  .problem { grid-template-columns: 1fr; }
}
@media (max-width: 560px) {
  thead { display: none; }
  tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; padding: 9px 14px;
    border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  td { padding: 0; border: 0; color: var(--muted); }
  td:empty { display: none; }
  td:last-child { flex-basis: 100%; min-width: 0; color: var(--text); }
}
@media print {
  nav { display: none; } body { display: block; } main { max-width: none; padding: 0; }
  pre, .table { break-inside: avoid; }
}
"""

SCRIPT = """
const box = document.querySelector("nav input"), found = document.querySelector(".found");
const parts = [];
for (const node of document.querySelector("main").children) {
  if (node.matches("h1, h2, h3, .route, .problem")) {
    const id = node.id || node.querySelector("[id]")?.id;
    parts.push({ id, chapter: node.matches("h2"), nodes: [], text: "" });
  }
  const part = parts[parts.length - 1];
  part.nodes.push(node);
  part.text += " " + node.textContent.toLowerCase();
}
function search() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const shown = new Set();
  let chapter, count = 0;
  for (const part of parts) {
    const hit = words.every((word) => part.text.includes(word));
    if (part.chapter) chapter = part;
    for (const node of part.nodes) node.hidden = !hit;
    if (!hit) continue;
    count += 1;
    shown.add(part.id);
    if (chapter) { chapter.nodes[0].hidden = false; shown.add(chapter.id); }
  }
  for (const link of document.querySelectorAll("nav [href^='#']")) {
    const at = link.closest("li") ?? link;
    at.hidden = words.length > 0 && !shown.has(decodeURIComponent(link.hash.slice(1)));
  }
  found.textContent = words.length ? (count ? `${count} found` : "nothing found") : "";
}
box.hidden = false;
box.addEventListener("input", search);
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.closest("[hidden]")) { box.value = ""; search(); target.scrollIntoView(); }
});
addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== box) { event.preventDefault(); box.focus(); }
  if (event.key === "Escape" && box.value) { box.value = ""; search(); }
});
"""


def _source(text: str) -> str:
    """Return how a policy names an inline script or style: by its hash."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    # Nothing but this page's own script and style runs, and it asks nobody for anything.
    "content-security-policy": (
        f"default-src 'none'; script-src {_source(SCRIPT)}; style-src {_source(STYLE)}; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def html(blocks: Iterable[Block]) -> str:
    """Return the whole page."""
    blocks = [*blocks]
    title = next((b.text for b in blocks if isinstance(b, Heading) and b.level == 1), "API")
    body = "\n".join(part for block in blocks for part in _parts(block))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="data:image/svg+xml,{quote(ICON)}">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#top">Skip to the text</a>\n'
        f"{_navigation(blocks)}\n<main>\n{body}\n</main>\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _navigation(blocks: Iterable[Block]) -> str:
    out = [
        '<nav aria-label="Contents">',
        f'<a class="brand" href="/">{ICON}<span>Steelyard<small>native API</small></span></a>',
        '<input type="search" placeholder="Search, or press /" aria-label="Search" hidden>',
        '<span class="found" role="status"></span>',
        '<div class="chapters">',
    ]
    is_open = False
    for block in blocks:
        match block:
            case Heading(level=2):
                out += ["</ul></div>"] if is_open else []
                link = f'<a class="chapter" href="#{block.anchor}">{escape(block.text)}</a>'
                out.append(f"<div>{link}<ul>")
                is_open = True
            case Route():
                path = block.path.removeprefix("/api/v1")
                out.append(
                    f'<li><a href="#{block.anchor}">{_verb(block.method)}'
                    f'<span class="path">{escape(path)}</span></a></li>'
                )
            case Heading(level=3) if block.anchor.startswith("channel-"):
                name = block.anchor.removeprefix("channel-")
                label = f'<span class="path">{escape(name)}</span>'
                out.append(f'<li><a href="#{block.anchor}">{label}</a></li>')
            case _:
                pass
    out += ["</ul></div>" if is_open else "", "</div>", "</nav>"]
    return "\n".join(out)


def _parts(block: Block) -> Iterator[str]:
    match block:
        case Heading(level=1):
            yield f'<h1 id="{block.anchor}">{escape(block.text)}</h1>'
        case Heading():
            level = f"h{block.level}"
            link = f'<a href="#{block.anchor}">{escape(block.text)}</a>'
            yield f'<{level} id="{block.anchor}">{link}</{level}>'
        case Prose():
            yield f"<p>{_inline(block.text)}</p>"
        case Bullets():
            yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in block.items)}</ul>"
        case Table():
            head = "".join(f"<th>{_inline(cell)}</th>" for cell in block.head)
            rows = "".join(
                f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>"
                for row in block.rows
            )
            yield (
                f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
                f"<tbody>{rows}</tbody></table></div>"
            )
        case Code():
            yield f'<pre tabindex="0"><code>{_colored(block.text.rstrip())}</code></pre>'
        case Route():
            yield _route(block)
        case Problem():
            yield (
                f'<div class="problem"><h4 id="{block.code}"><a href="#{block.code}">'
                f'<span class="status">{block.status}</span>{block.code}</a></h4>'
                f'<div><p>{_inline(block.meaning)}</p><p class="mend">{_inline(block.mend)}</p>'
                "</div></div>"
            )


def _route(route: Route) -> str:
    signed = "" if route.who == "public" else " signed"
    who = "public" if route.who == "public" else f"signed: {route.who}"
    return (
        f'<div class="route" id="{route.anchor}">{_verb(route.method)}'
        f'<h3 class="path"><a href="#{route.anchor}">{escape(route.path)}</a></h3>'
        f'<span class="facts"><span class="fact{signed}">{escape(who)}</span>'
        f'<span class="fact">weight {escape(route.weight)}</span></span></div>\n'
        f"<p>{_inline(route.summary)}.</p>"
    )


def _colored(text: str) -> str:
    """Return a listing with names, texts, numbers and words of the language marked."""
    out, done = [], 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        out.append(escape(text[done : token.start()], quote=False))
        out.append(f'<span class="{kind}">{escape(token[0], quote=False)}</span>')
        done = token.end()
    return "".join(out) + escape(text[done:], quote=False)


def _verb(method: str) -> str:
    return f'<span class="verb {method}">{method}</span>'


def _inline(text: str) -> str:
    """Return plain text with `code` and [links](#to) as HTML."""
    out = []
    for position, part in enumerate(text.split("`")):
        out.append(f"<code>{escape(part)}</code>" if position % 2 else escape(part, quote=False))
    return _links("".join(out))


def _links(text: str) -> str:
    before, mark, rest = text.partition("](")
    if not mark:
        return text
    lead, _, label = before.rpartition("[")
    target, _, after = rest.partition(")")
    return f'{lead}<a href="{escape(target)}">{label}</a>{_links(after)}'
