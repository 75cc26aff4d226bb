"""The SVG shapes of the charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

INK_COLOUR, FAINT_COLOUR, LINE_COLOUR = "#1f2937", "#6b7280", "#e5e7eb"
FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class ChartFrame:
    """The plot area of a chart in pixels; values grow from `bottom` up to `top`."""

    left: float
    right: float
    top: float
    bottom: float

    def y_at(self, share: float) -> float:
        """Return the y coordinate of a share (0 to 1) of the height."""
        return self.bottom - (self.bottom - self.top) * share


def render_svg(width: int, height: int, title: str, shapes: Sequence[str]) -> str:
    """Return the SVG document, on white for light and dark pages."""
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="{FONT_FAMILY}" role="img">\n<title>{escape(title)}</title>\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def draw_text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: str = "start",
    size: int = 12,
    colour: str = INK_COLOUR,
) -> str:
    """Return a text; larger sizes are bold."""
    weight = ' font-weight="600"' if size > 12 else ""  # noqa: PLR2004 - the default size
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight} '
        f'fill="{colour}">{escape(content)}</text>'
    )


def draw_heading(frame: ChartFrame, y: float, title: str, subtitle: str) -> str:
    """Return the title and subtitle of a chart."""
    x = frame.left - 32
    return (
        f"{draw_text(x, y, title, size=16)}\n{draw_text(x, y + 20, subtitle, colour=FAINT_COLOUR)}"
    )


def draw_bar(x: float, top: float, width: float, bottom: float, colour: str) -> str:
    """Return a bar from `top` to `bottom`."""
    return (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" '
        f'rx="1.5" fill="{colour}"/>'
    )


def draw_gridline(frame: ChartFrame, share: float, label: str, colour: str = LINE_COLOUR) -> str:
    """Return a horizontal line through a chart with its label on the left."""
    y = frame.y_at(share)
    line = f'<path d="M{frame.left:.1f} {y:.1f}H{frame.right:.1f}" stroke="{colour}"/>'
    return f"{line}{draw_text(frame.left - 8, y + 4, label, anchor='end', colour=FAINT_COLOUR)}"


def draw_curve(points: Sequence[tuple[float, float]], colour: str) -> str:
    """Return a line through points with a dot at each."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<g fill="{colour}">{dots}</g>'
    )
