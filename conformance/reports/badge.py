"""The run as a badge: an SVG of one line."""

from sojourn.conformance.reports.summary import Summary

_COLOURS = {"pass": "#2e7d32", "fail": "#c62828", "partial": "#b26a00", "error": "#616161"}
_LETTER = 6.6
_PADDING = 12


def badge(summary: Summary) -> str:
    """The SVG text: `conformance | full: pass, 144 checks`."""
    left, right = "conformance", f"{summary.profile}: {summary.verdict}, {len(summary.checks)} checks"
    first, second = (round(len(text) * _LETTER + _PADDING) for text in (left, right))
    colour = _COLOURS[summary.verdict]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="20" role="img"'
        f' aria-label="{left}: {right}"><title>{left}: {right}</title>'
        f'<rect width="{first}" height="20" fill="#444"/>'
        f'<rect x="{first}" width="{second}" height="20" fill="{colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{first / 2}" y="14">{left}</text><text x="{first + second / 2}" y="14">{right}</text></g></svg>\n'
    )
