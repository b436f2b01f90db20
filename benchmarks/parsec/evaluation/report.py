# SPDX-License-Identifier: MIT
"""The report of a results folder: report.html, report.md with plots/, and table.tsv."""

from . import measures, report_sections as sections
from .plots import sheet
from .report_document import Document, Figure
from .report_html import html
from .report_markdown import FOLDER, markdown

TITLE = "Evaluation: memory schemes on programs"


def document_of(results, published, tree, build):
    """The whole report of the results."""
    kernels = ", ".join(dict.fromkeys(record.kernel for record in results.records))
    days = sorted({record.started[:10] for record in results.records})
    document = Document(TITLE, "Programs under monitoring, proactive reclamation and huge pages, beside the figures "
                        "that DAMON's patchset v12 published."
                        + (f" Kernel {kernels}; {' to '.join(dict.fromkeys((days[0], days[-1])))}." if days else ""))
    if not results.runs:
        document.say("There is no run that counts yet, so there is no figure.", warning=True)
        sections.missing(document, results)
        return document
    sections.summary(document, results, tree)
    sections.conditions(document, results)
    # Runtime says something about huge pages on a processor only: elsewhere what they cost and cover comes first.
    emulated = bool(sections.emulation(results))
    if emulated:
        sections.huge_pages(document, results)
    sections.overheads(document, results, published)
    sections.overhead_figures(document, results, published)
    if not emulated:
        sections.huge_pages(document, results)
    sections.oracles(document, results, tree)
    sections.resident_figures(document, results)
    sections.metrics(document, results)
    sections.working_sets(document, results, build)
    sections.missing(document, results)
    sections.method(document)
    return document


def document_of_table(table, published):
    """The report of a table alone."""
    document = Document("Evaluation: a table of figures", " ".join(
        comment for comment in table.comments if not comment.startswith("SPDX")))
    sections.table_sections(document, table, published)
    return document


def write_document(document, folder):
    """report.html, and report.md with its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(html(document), encoding="utf-8")
    (folder / "report.md").write_text(markdown(document), encoding="utf-8")
    for each in document.figures:
        (folder / FOLDER).mkdir(exist_ok=True)
        svg = sheet(each.panels, each.legend) if isinstance(each, Figure) else each.svg
        (folder / FOLDER / f"{each.name}.svg").write_text(svg, encoding="utf-8")


def write_report(results, published, tree, build):
    """All files of a results folder."""
    write_document(document_of(results, published, tree, build), results.folder)
    if results.runs:
        text = results.table(measures.ALL).text()
        (results.folder / "table.tsv").write_text(text, encoding="utf-8")
