# SPDX-License-Identifier: MIT
"""A report as one HTML page: everything is in it, it follows the system's light or dark, and it prints."""

import base64
import re
from html import escape

from .plots import STYLE as PLOT_STYLE
from .report_document import Cell, Figure, Heading, Items, Paragraph, Picture, Table, anchor

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--shade:#f6f8fa;--link:#0550ae;
--met:#116329;--not:#a40e26;--open:#7d4e00;--warn:#fff8c5}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9aa4ae;--line:#30363d;--shade:#161b22;
--link:#79b8ff;--met:#56d364;--not:#ff8e87;--open:#e3b341;--warn:#2e2a1f}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:24px 20px 64px;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;overflow-wrap:break-word}
h1{font-size:1.7em;line-height:1.2;margin:0 0 .4em}h2{font-size:1.3em;margin:2.2em 0 .5em;border-bottom:1px solid
var(--line);padding-bottom:.2em}h3{font-size:1.05em;margin:1.6em 0 .4em}p,ul{margin:.5em 0 .8em;max-width:50em}
ul{padding-left:1.3em}a{color:var(--link)}code{font:.88em ui-monospace,'DejaVu Sans Mono',monospace;background:
var(--shade);padding:.1em .3em;border-radius:4px}
.lead{font-size:1.05em;color:var(--soft)}.warning{background:var(--warn);border-left:4px solid var(--open);
padding:.5em .8em;max-width:50em}nav ul{columns:16em;list-style:none;padding:0;font-size:.93em;max-width:none}
.scroll{overflow-x:auto;margin:.6em 0}table{border-collapse:collapse;font-size:.86em;line-height:1.35;
font-variant-numeric:tabular-nums}th,td{padding:.35em .6em;border-bottom:1px solid var(--line);text-align:right;
vertical-align:top;white-space:nowrap}th{background:var(--shade);font-weight:600;vertical-align:bottom}
th.t,td.t{text-align:left;white-space:normal;min-width:9em}td.t{max-width:34em}
tbody td:first-child,thead th:first-child{position:sticky;left:0;background:var(--paper)}
thead th:first-child{background:var(--shade)}.short td:first-child,.short th:first-child{min-width:2em}
td small{display:block;color:var(--soft);font-size:.9em}tr.sum td{font-weight:600;border-top:2px solid var(--line)}
tr.sum td small{font-weight:400}.met{color:var(--met);font-weight:600}.not-met{color:var(--not);font-weight:600}
.within-noise,.not-measured{color:var(--open);font-weight:600}.noise{color:var(--soft)}.noise::before{content:'~ '}
.note{color:var(--soft);font-size:.88em}figure{margin:1em 0}figcaption{font-size:.9em;color:var(--soft);max-width:54em;
margin-bottom:.4em}.legend{font-size:.88em;display:flex;flex-wrap:wrap;gap:.2em 1.1em;margin:.3em 0 .5em}
.legend span{white-space:nowrap}.legend svg{width:22px;height:10px;margin-right:.35em}
.panels{display:grid;gap:14px 18px;grid-template-columns:repeat(auto-fill,minmax(min(100%,345px),1fr))}
.panels svg{width:100%;height:auto;display:block}.picture{max-width:100%;min-width:640px;height:auto;
background:#fff;border:1px solid var(--line);border-radius:6px;display:block}
@media (max-width:600px){body{padding:14px 12px 40px;font-size:15px}th,td{padding:.3em .45em}
th.t,td.t{min-width:7em}}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--shade:#eee;--met:#116329;
--not:#a40e26;--open:#7d4e00;--warn:#fff}body{max-width:none;padding:0;font-size:10pt}.scroll{overflow:visible}
table{font-size:6.5pt}th,td{padding:.2em .3em}nav{display:none}.picture{min-width:0}h2,h3{break-after:avoid}
.panels{grid-template-columns:repeat(2,1fr)}tr,.panels svg,figure>img{break-inside:avoid}}
@page{size:A4 landscape;margin:12mm}
"""
HEAD = """<!DOCTYPE html>
<!-- SPDX-License-Identifier: MIT -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="lead">{lead}</p>
"""


def text(words):
    """Escaped, with code between backticks; a number stays with its unit."""
    words = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(words).replace("\n", "<br>"))
    return re.sub(r"(?<=\d) (?=(%|s|ms|[KMG]?i?B(·s)?)(?![\w]))", "\u00a0", words)


def _cell(value, tag, column, table):
    cell = value if isinstance(value, Cell) else Cell(str(value))
    small = f"<small>{text(cell.small)}</small>" if cell.small else ""
    inner = f'<span class="{cell.mark}">{text(cell.text)}</span>' if cell.mark else text(cell.text)
    return f"<{tag}{' class=t' if column in table.texts else ''}>{inner}{small}</{tag}>"


def _table(table):
    head = "".join(_cell(value, "th", i, table) for i, value in enumerate(table.head))
    rows = "\n".join(
        f"<tr{' class=sum' if number in table.emphasised else ''}>"
        + "".join(_cell(value, "td", i, table) for i, value in enumerate(row)) + "</tr>"
        for number, row in enumerate(table.rows))
    note = f'<p class="note">{text(table.note)}</p>' if table.note else ""
    kind = "" if 0 in table.texts else " short"
    head = f"<thead><tr>{head}</tr></thead>" if any(table.head) else ""
    return (f'<div class="scroll{kind}" tabindex="0" role="region" aria-label="Table">'
            f"<table>{head}\n<tbody>\n{rows}\n</tbody></table></div>{note}")


def _figure(figure):
    legend = "".join(f"<span>{entry.swatch()}{escape(entry.text)}</span>" for entry in figure.legend)
    legend = f'<div class="legend">{legend}</div>' if legend else ""
    panels = "\n".join(panel.svg() for panel in figure.panels)
    return (f'<figure id="{escape(figure.name)}"><figcaption>{text(figure.caption)}</figcaption>{legend}'
            f'<div class="panels">{panels}</div></figure>')


def _picture(picture):
    data = base64.b64encode(picture.svg.encode()).decode()
    return (f"<figure><figcaption>{text(picture.caption)}</figcaption>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="Picture"><img class="picture" '
            f'alt="{escape(picture.caption)}" src="data:image/svg+xml;base64,{data}"></div></figure>')


def _block(block):
    match block:
        case Heading():
            return f'<h{block.level} id="{anchor(block.text)}">{text(block.text)}</h{block.level}>'
        case Paragraph():
            return f"<p{' class=warning' if block.warning else ''}>{text(block.text)}</p>"
        case Items():
            return "<ul>" + "".join(f"<li>{text(each)}</li>" for each in block.texts) + "</ul>"
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case Picture():
            return _picture(block)
    raise TypeError(f"no block of a report: {block!r}")


def _contents(document):
    links = "".join(f'<li><a href="#{anchor(block.text)}">{text(block.text)}</a></li>'
                    for block in document.blocks if isinstance(block, Heading) and block.level == 2)
    return f"<nav aria-label=\"Contents\"><ul>{links}</ul></nav>"


def html(document):
    """The whole page."""
    head = HEAD.format(title=escape(document.title), lead=text(document.lead), style=STYLE + PLOT_STYLE)
    return head + _contents(document) + "\n" + "\n".join(map(_block, document.blocks)) + "\n</body>\n</html>\n"
