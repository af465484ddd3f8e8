"""The board's one page of its own: the counts of all queues, as plain HTML. Pure."""

from __future__ import annotations

import html

from mrcore.mentor.board import names, shapes

STYLE = "table{border-collapse:collapse}td,th{padding:2px 12px;text-align:right}" + (
    "td:first-child,th:first-child,td:last-child,th:last-child{text-align:left}"
)


def counts(known: names.Names, environment: str) -> str:
    """The page; everything in it is escaped, and it runs no script."""
    states = shapes.STATES
    head = "".join(f"<th>{shapes.word(one)}</th>" for one in states)
    rows = []
    for name, of in known.listed.items():
        cells = "".join(f"<td>{shapes.count(of, one):,}</td>" for one in states)
        said = "; ".join(filter(None, ["paused" if shapes.is_paused(of) else "", of.verdict.why]))
        rows.append(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(of.engine)}</td>{cells}"
            f"<td>{html.escape(said)}</td></tr>"
        )
    unlisted = ", ".join(known.unlisted)
    also = (
        f"<p>Not on this board: {html.escape(unlisted)}. mrtui shows them.</p>" if unlisted else ""
    )
    title = f"Queues of {html.escape(environment)}"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>{len(rows)} queues at {known.at:%Y-%m-%d %H:%M:%S} UTC.</p>"
        f"<table><thead><tr><th>queue</th><th>engine</th>{head}<th></th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>{also}</body></html>\n"
    )


def no_route(method: str, path: str) -> str:
    """What Express says of a route that there is not."""
    said = f"Cannot {html.escape(method)} {html.escape(path)}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n'
        f"</head>\n<body>\n<pre>{said}</pre>\n</body>\n</html>\n"
    )
