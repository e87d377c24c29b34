"""The report on the paper's claims as CSV, Markdown and HTML."""

import base64
import html
import io
from collections import Counter

import pandas as pd

from ..figures import style
from . import statements as claims

CSV_COLUMNS = (
    "id",
    "title",
    "source",
    "verdict",
    "measured",
    "predicted",
    "tolerance",
    "reason",
    "control",
    "seconds",
)
BOUND = {"equals": "", "at_most": "≤ ", "at_least": "≥ "}
SOURCES = {
    "page": "stated on the paper's public page",
    "summary": "stated in the authors' public write-up",
    "plot": "read off the published figures",
    "derived": "derived from the paper's statements",
    "choice": "our choice",
}
HEAD = ("quantity", "measured", "predicted", "tolerance", "within", "why this tolerance")
NOTHING = "–"


# --- words for one judgement ----------------------------------------------------------------------


def number(value):
    """Up to four significant digits."""
    return _short_exponent(f"{value:.4g}")


def result(value):
    """Four significant digits, trailing zeros kept; a whole number as it is."""
    return number(value) if value == round(value) else _short_exponent(f"{value:#.4g}")


def _short_exponent(text):
    return text.replace("e-0", "e-").replace("e+0", "e+")


def predicted(quantity):
    """The predicted value with its relation; a size that is at most 0 is 0."""
    value, relation = quantity["predicted"], quantity["relation"]
    return ("" if relation == "at_most" and value == 0 else BOUND[relation]) + number(value)


def tolerance(quantity):
    """The tolerance in words."""
    ((kind, size),) = quantity["tolerance"].items()
    return f"± {100 * size:g} %" if kind == "relative" else f"± {number(size)}" if size else "none"


def measured(judgement, quantity, run="check"):
    """The measured value with its uncertainty."""
    value, uncertainty, _ = judgement.value(quantity["name"], run)
    return result(value) if uncertainty == "-" else f"{result(value)} ({uncertainty})"


def row(judgement, seconds):
    """One line of report.csv; the quantity that decides stands for the claim."""
    claim, quantity = judgement.claim, judgement.headline
    line = {
        "id": claim["id"],
        "title": claim["title"],
        "source": claim["source"],
        "verdict": judgement.verdict,
        "measured": NOTHING,
        "predicted": NOTHING,
        "tolerance": NOTHING,
        "reason": claim.get("untestable", NOTHING),
        "control": judgement.control,
        "seconds": seconds,
    }
    if quantity and judgement.verdict != claims.NOT_TESTABLE:
        value = result(judgement.value(quantity["name"])[0])
        line["measured"] = f"{quantity['name'].replace('_', ' ')}: {value}"
        line |= {"predicted": predicted(quantity), "tolerance": tolerance(quantity)}
        line["reason"] = quantity["reason"]
    return line


def table(judgements, seconds):
    """report.csv as a DataFrame. seconds: {id: wall time of the measurement}."""
    rows = [row(j, seconds[j.claim["id"]]) for j in judgements]
    return pd.DataFrame(rows, columns=CSV_COLUMNS)


def summary(judgements):
    """One line: how many claims came out how, and what was not expected."""
    counts = Counter(j.verdict for j in judgements)
    order = (claims.HOLDS, claims.REMARK, claims.NOT_REPRODUCED, claims.NOT_TESTABLE)
    parts = ", ".join(f"{v} {counts[v]}" for v in order if counts[v])
    surprises = [j.claim["id"] for j in judgements if j.surprise]
    state = "all as expected" if not surprises else f"NOT AS EXPECTED: {', '.join(surprises)}"
    return f"{len(judgements)} claims: {parts}; {state}."


def surprise(judgement):
    """What is wrong with an unexpected judgement, in one line."""
    claim, problems = judgement.claim, []
    if judgement.verdict != judgement.expected:
        problems.append(f"{judgement.verdict}, expected {judgement.expected}")
    if judgement.vacuous:
        problems.append(f"control {judgement.control}")
    return f"claim {claim['id']} ({claim['title']}): {'; '.join(problems)}"


def quantity_rows(judgement):
    """Cells of a claim's own table, one row per quantity, HEAD being their head."""
    rows = []
    for quantity in judgement.claim["quantities"]:
        name, known = quantity["name"], quantity["name"] in judgement.passed
        within = {True: "yes", False: "NO"}[judgement.passed[name]] if known else "not here"
        note = judgement.value(name)[2] if known else "-"
        what = quantity["what"] + ("" if note == "-" else f" [{note}]")
        letter = " (to the letter)" if claims.role(quantity) == "letter" else ""
        value = measured(judgement, quantity) if known else NOTHING
        rows.append(
            (what + letter, value, predicted(quantity), tolerance(quantity), within,
             quantity["reason"])
        )  # fmt: skip
    return rows


def control_text(judgement):
    """The control in words, with what it measured."""
    control = judgement.claim["control"]
    named = [q for q in judgement.claim["quantities"] if q["name"] in control["quantities"]]
    values = ", ".join(
        f"{q['name'].replace('_', ' ')} {measured(judgement, q, 'control').split(' (')[0]}"
        for q in named
        if q["name"] in judgement.passed
    )
    what = control["what"]
    return f"{what}: {values}: {judgement.control}" if values else f"{what}: {judgement.control}"


def command(judgement):
    """The command that checks only this claim."""
    tier = "" if judgement.tier == "default" else f" --config tier={judgement.tier}"
    return f"snakemake --cores all claim_{judgement.claim['id']}{tier}"


def notes(judgement):
    """(label, text) of what a claim's section says below its table."""
    claim = judgement.claim
    if "remark" in claim:
        yield "Remark", claim["remark"]
    if judgement.verdict == claims.NOT_TESTABLE:
        yield "Not testable here", claim["untestable"]
    if judgement.surprise:
        yield "NOT AS EXPECTED", surprise(judgement)
    yield "Control", control_text(judgement)


# --- Markdown -------------------------------------------------------------------------------------


def _cell(text):
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def markdown_table(head, rows):
    """A Markdown table; cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def summary_table(report):
    """The table of report.csv (a DataFrame) in Markdown: claim, source, verdict, numbers."""
    shown = ("title", "source", "verdict", "measured", "predicted", "tolerance", "control")
    head = ("", "claim", *shown[1:])
    rows = [[line["id"], *(line[c] for c in shown)] for _, line in report.iterrows()]
    return markdown_table(head, rows)


def markdown(judgements, seconds):
    """The report in Markdown."""
    tier = judgements[0].tier
    parts = [
        "# The paper's claims, checked\n",
        f"Generated by `make claims`, {tier} tier; what to edit is `paper_check/claims.yaml`.\n",
        f"**{summary(judgements)}**\n",
        summary_table(table(judgements, seconds)),
    ]
    return "\n".join(parts + [_markdown_section(j, seconds) for j in judgements])


def _markdown_section(judgement, seconds):
    claim = judgement.claim
    lines = [
        f"## {claim['id']}. {_cell(claim['title'])}: {judgement.verdict}\n",
        f"{_cell(claim['statement'])} *({_cell(claim['place'])}; {SOURCES[claim['source']]})*\n",
        markdown_table(HEAD, quantity_rows(judgement)),
        *(f"**{label}.** {_cell(text)}\n" for label, text in notes(judgement)),
        f"{seconds[claim['id']]:.1f} s; `{command(judgement)}`\n",
    ]
    return "\n".join(lines)


# --- HTML -----------------------------------------------------------------------------------------

CSS = """
body { font: 15px/1.45 Georgia, serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1, h2 { font-weight: normal; line-height: 1.2; } h2 { margin: 2.2rem 0 .3rem; font-size: 1.25rem; }
table { border-collapse: collapse; width: 100%; font-size: .82rem; margin: .8rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-top: 1px solid #ccc;
  overflow-wrap: break-word; }
th { font-weight: normal; color: #555; border-top: none; white-space: nowrap; }
code { font-size: .85em; } a { color: inherit; } img { max-width: 100%; }
.v { white-space: nowrap; } .holds { color: #11603a; } .remark { color: #7a5200; }
.not { color: #9c1c1c; } .here { color: #666; } .small { color: #555; font-size: .85rem; }
.wrong { font-weight: bold; color: #9c1c1c; }
@media print { body { font-size: 10pt; max-width: none; margin: 0; } section, tr, img {
  break-inside: avoid; } h2 { break-after: avoid; } a { text-decoration: none; } }
"""
CLASS = {
    claims.HOLDS: "holds",
    claims.REMARK: "remark",
    claims.NOT_REPRODUCED: "not",
    claims.NOT_TESTABLE: "here",
}


def _html_table(head, rows):
    """Cells are escaped here; a cell that is a (css class, link or None, text) is dressed."""
    lines = ["<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>"]
    lines += ["<tr>" + "".join(map(_td, line)) + "</tr>" for line in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _td(cell):
    if not isinstance(cell, tuple):
        return f"<td>{html.escape(str(cell))}</td>"
    css, link, text = cell
    text = html.escape(str(text))
    text = f'<a href="#{html.escape(link)}">{text}</a>' if link else text
    return f'<td class="{css}">{text}</td>'


def html_report(judgements, seconds, pictures):
    """The report as one self-contained page. pictures: {id: points, a DataFrame}."""
    report = table(judgements, seconds)
    rows = [
        (
            ("v", None, line["id"]),
            ("", f"claim-{line['id']}", line["title"]),
            line["source"],
            (f"v {CLASS[line['verdict']]}", None, line["verdict"]),
            *(line[c] for c in ("measured", "predicted", "tolerance", "control")),
        )
        for _, line in report.iterrows()
    ]
    head = ("", "claim", "source", "verdict", "measured", "predicted", "tolerance", "control")
    sections = "\n".join(_html_section(j, seconds, pictures) for j in judgements)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>The paper's claims, checked</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        "<h1>The paper's claims, checked</h1>\n"
        '<p class="small"><em>A Theory of Saddle Escape in Deep Nonlinear Networks</em>, '
        f"arXiv 2605.01288. Generated by <code>make claims</code>, {judgements[0].tier} tier.</p>\n"
        f"<p><strong>{html.escape(summary(judgements))}</strong></p>\n"
        f"{_html_table(head, rows)}\n{sections}\n</body>\n</html>\n"
    )


def _html_section(judgement, seconds, pictures):
    claim, points = judgement.claim, pictures.get(judgement.claim["id"])
    rows = [
        tuple(("wrong", None, c) if i == 4 and c == "NO" else c for i, c in enumerate(line))
        for line in quantity_rows(judgement)
    ]
    below = "\n".join(
        f"<p><strong>{html.escape(label)}.</strong> {html.escape(text)}</p>"
        for label, text in notes(judgement)
    )
    verdict = f'<span class="{CLASS[judgement.verdict]}">{judgement.verdict}</span>'
    place = html.escape(f"{claim['place']}; {SOURCES[claim['source']]}")
    return (
        f'<section id="claim-{claim["id"]}">\n'
        f"<h2>{claim['id']}. {html.escape(claim['title'])}: {verdict}</h2>\n"
        f'<p>{html.escape(claim["statement"])} <span class="small">({place})</span></p>\n'
        f"{_html_table(HEAD, rows)}\n{_image(claim, points)}{below}\n"
        f'<p class="small">{seconds[claim["id"]]:.1f} s; '
        f"<code>{html.escape(command(judgement))}</code></p>\n</section>"
    )


def _image(claim, points):
    if points is None or points.empty or "picture" not in claim:
        return ""
    data = base64.b64encode(png(draw(points, claim["picture"]))).decode()
    alt = html.escape(f"{claim['picture']['y']} against {claim['picture']['x']}")
    return f'<img width="560" alt="{alt}" src="data:image/png;base64,{data}">\n'


# --- pictures -------------------------------------------------------------------------------------

LOOK = {
    "line": {**style.LINE, "linewidth": 1.1},
    "marker": {**style.DIAMOND, "markersize": 4.2},
    "joined": {**style.DIAMOND, "markersize": 4.2, "linestyle": "-", "linewidth": 0.6},
    "published": {**style.CIRCLE, "markersize": 5.5},
}


def _hue(series):
    """What series of one colour have in common: the name without its route."""
    for prefix in ("flow, ", "SGD, ", "published, "):
        series = series.removeprefix(prefix)
    return series.removesuffix(", law")


@style.figure_style()
def draw(points, axes):
    """A small figure of a claim's points (claims.POINT_COLUMNS); axes: x, y, scale."""
    figure = style.new_figure(5.6, 2.6)
    panel = figure.subplots()
    hues = dict.fromkeys(map(_hue, points["series"]))
    color = {h: style.CATEGORICAL[i % len(style.CATEGORICAL)] for i, h in enumerate(hues)}
    for (series, look), mine in points.groupby(["series", "look"], sort=False):
        tint = color[_hue(series)]
        edge = {"markeredgecolor": tint} if look == "published" else {}
        label = "_" if series.endswith(", law") else series
        panel.plot(mine["x"], mine["y"], label=label, color=tint, **LOOK[look] | edge)
    panel.set(xlabel=axes["x"], ylabel=axes["y"])
    if axes["scale"] in ("semilogx", "loglog"):
        panel.set_xscale("log")
    if axes["scale"] in ("semilogy", "loglog"):
        panel.set_yscale("log")
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


@style.figure_style()
def png(figure):
    """The figure as PNG bytes, the same on every call."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": "saddle_escape"})
    return buffer.getvalue()
