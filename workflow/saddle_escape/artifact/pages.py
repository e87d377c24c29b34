"""Tables as self-contained HTML pages, for the report."""

import html

import pandas as pd

STYLE = """\
body { font: 16px/1.45 Georgia, serif; color: #1a1a1a; margin: 2rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #ddd; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }"""


def table_page(title: str, table: pd.DataFrame) -> str:
    """An HTML page of one table, all text escaped; underscores in column names become spaces."""
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in table)
    rows = "\n".join(
        f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.itertuples(index=False)
    )
    title = html.escape(title)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>\n{STYLE}\n</style></head>\n<body><h1>{title}</h1>\n"
        f"<table>\n<tr>{head}</tr>\n{rows}\n</table></body>\n</html>\n"
    )


def _cell(value):
    if isinstance(value, int | float):
        return f'<td class="number">{value:g}</td>'
    return f"<td>{html.escape(str(value))}</td>"
