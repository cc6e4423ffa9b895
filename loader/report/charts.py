"""Charts as static SVG, drawn by pygal; the page's style sheet gives them their colors.

Style sheets and scripts of pygal are removed. Each chart has a label that describes it in words.
"""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element

from markupsafe import Markup
from pygal import XY, Bar, Graph, HorizontalBar, HorizontalStackedBar, PluginImportFixer
from pygal.style import Style

from loader.profile.records import OTHERS
from loader.report.wording import number, percent, visible

# With pygal's finder of map plugins Python 3.11 warns whenever a module is not found; there are no
# such plugins here.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, PluginImportFixer)]

WIDTH = 360
"""Of a chart, in SVG units: on a phone's screen one is about a pixel."""
TEXT_SIZE = 13
"""Font size, as in style.css."""
MOST_BARS = 14
MOST_LABEL = 24
"""Characters of the label of a bar."""
MOST_LINES = 8
"""As many as there are colors in style.css."""

DROPPED_ELEMENTS = {"defs", "desc", "title"}
"""SVG elements for pygal's styles, scripts and tooltips."""
LONG_NUMBER = re.compile(r"-?\d+\.\d{2,}")


def bars(title: str, counts: Mapping[str, int], *, in_order: bool = False) -> Markup:
    """Draw counts by label as bars, the largest first unless `in_order`; see `largest`."""
    few = largest(counts, in_order=in_order)
    chart = HorizontalBar(**_common_settings(8 + 25 * len(few)), **_labels(few))
    chart.range = (0, max([*few.values(), 1]) * _axis_stretch(few, few.values()))
    chart.add(title, list(few.values())[::-1], formatter=number)
    return _svg(chart, "hbars", describe(title, few))


def largest(counts: Mapping[str, int], *, in_order: bool = False) -> dict[str, int]:
    """Return the largest counts, and the sum of the others as `OTHERS`; the total is the same."""
    ranked = sorted(counts, key=lambda label: (label == OTHERS, -counts[label]))
    most = MOST_BARS if len(counts) <= MOST_BARS else MOST_BARS - 1
    labels = [label for label in ranked[:most] if label != OTHERS]
    if in_order:
        labels = [label for label in counts if label in {*labels}]
    few = {label: counts[label] for label in labels}
    rest = sum(counts.values()) - sum(few.values())
    return few | ({OTHERS: rest} if rest else {})


def funnel(title: str, steps: Sequence[tuple[str, int, int]]) -> Markup:
    """Draw the rows left after each step: label, rows rejected, rows left."""
    drawn = [*steps[: MOST_BARS - 2], steps[-1]] if len(steps) >= MOST_BARS else list(steps)
    if len(drawn) < len(steps):
        merged = steps[MOST_BARS - 2 : -1]
        drawn.insert(-1, (OTHERS, sum(rejected for _, rejected, _ in merged), merged[-1][2]))
    labels = {label: left for label, _, left in drawn}
    chart = HorizontalStackedBar(
        **_common_settings(8 + 25 * len(drawn)), **_labels([label for label, _, _ in drawn])
    )
    top = max(rejected + left for _, rejected, left in drawn) or 1
    chart.range = (0, top * _axis_stretch(labels, labels.values()))
    chart.add("left", [left for _, _, left in drawn][::-1], formatter=lambda _: "")
    rejected_bars = [
        {"value": rejected, "formatter": lambda _, left=left: number(left)}
        for _, rejected, left in drawn
    ]
    chart.add("taken", rejected_bars[::-1])
    return _svg(chart, "hbars funnel", describe(title, labels))


def hours(title: str, counts: Sequence[int], now: int | None = None) -> Markup:
    """Draw a count for each hour of a day, and highlight the present one."""
    chart = Bar(**_common_settings(210), x_labels=[f"{hour}:00" for hour in range(24)])
    chart.x_labels_major_every, chart.show_minor_x_labels = 6, False
    chart.truncate_label, chart.show_y_guides = -1, True
    steps = ticks(max([*counts, 4]))
    chart.range, chart.y_labels = (0, steps[-1]), steps
    chart.value_formatter, chart.print_values = number, False
    values = [
        {"value": count, "node": {"class": "rect now" if hour == now else "rect"}}
        for hour, count in enumerate(counts)
    ]
    chart.add(title, values)
    return _svg(chart, "hours", describe(title, {f"{hour}:00": n for hour, n in enumerate(counts)}))


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[date | int, float]]],
    write: Callable[[float], str] = percent,
) -> Markup:
    """Draw a line for each series, at most `MOST_LINES`; nothing if there are no points.

    A point is a day or the number of a file, ascending, and a number from 0, written by `write`.
    """
    drawn = dict([(name, points) for name, points in series.items() if points][:MOST_LINES])
    if not drawn:
        return Markup()
    first, last, x_label = _range(x for points in drawn.values() for x, _ in points)
    steps = ticks(max([number for points in drawn.values() for _, number in points] + [0.01]))
    chart = XY(**_common_settings(230 + (20 * len(drawn) if len(drawn) > 1 else 0)))
    chart.show_legend, chart.legend_at_bottom = len(drawn) > 1, True
    chart.legend_at_bottom_columns, chart.legend_box_size = 1, 10
    chart.truncate_legend, chart.print_values, chart.show_y_guides = 40, False, True
    chart.x_labels = sorted({first, (first + last) // 2, last})
    chart.x_value_formatter = x_label
    margin = max(last - first, 1) / 20
    chart.xrange, chart.range = (first - margin, last + margin), (0, steps[-1])
    chart.y_labels, chart.value_formatter = steps, write
    chart.margin_right, chart.dots_size, chart.truncate_label = 40, 3, -1
    for name, points in drawn.items():
        chart.add(visible(name, 40), [(_place(x), number) for x, number in points])
    newest = {name: points[-1][1] for name, points in drawn.items()}
    return _svg(chart, "lines", describe(title, newest, write))


def _range(xs: Iterable[date | int]) -> tuple[int, int, Callable[[float], str]]:
    """Return the first and the last position on an axis, and the format of its labels."""
    found = [*xs]
    places = [_place(x) for x in found]
    return min(places), max(places), _day if isinstance(found[0], date) else number


def _place(x: date | int) -> int:
    return x.toordinal() if isinstance(x, date) else x


def _day(place: float) -> str:
    return f"{date.fromordinal(round(place)):%Y-%m-%d}"


def ticks(highest: float) -> list[float]:
    """Return three to six round numbers, from 0 to the first one not below the highest value."""
    magnitude = 10.0 ** math.floor(math.log10(highest / 2))
    step = next(n * magnitude for n in (1, 2, 5, 10) if n * magnitude * 5 >= highest)
    return [round(step * n, 9) for n in range(math.ceil(round(highest / step, 9)) + 1)]


def describe(
    title: str, values: Mapping[str, float], write: Callable[[float], str] = number
) -> str:
    """Describe a chart in words, for screen readers."""
    parts = "; ".join(f"{visible(label, 40)} {write(value)}" for label, value in values.items())
    return f"{title}: {parts or 'nothing'}"


def _labels(names: Sequence[str] | Mapping[str, int]) -> dict[str, Any]:
    """Return settings for the labels of bars, reversed, because pygal draws from the bottom."""
    return {
        "x_labels": [visible(name, MOST_LABEL) for name in names][::-1],
        "show_x_labels": False,  # in horizontal bars this is the axis of counts
    }


def _axis_stretch(labels: Iterable[str], counts: Iterable[int]) -> float:
    """Return the length of the axis relative to the longest bar: its number needs room, too."""
    label_width = max((len(visible(label, MOST_LABEL)) for label in labels), default=0)
    number_width = max((len(number(count)) for count in counts), default=0)
    plot = WIDTH - 20 - 0.6 * TEXT_SIZE * label_width
    return plot / (plot - 12 - 0.6 * TEXT_SIZE * min(number_width, 12))


def _common_settings(height: int) -> dict[str, Any]:
    """Return the settings that all charts have in common."""
    names = ("label", "major_label", "value", "legend", "title")
    style = Style(**{f"{name}_font_size": TEXT_SIZE for name in names})
    return {
        "style": style,
        "width": WIDTH,
        "height": height,
        "margin": 2,
        "spacing": 6,
        "css": [],
        "js": [],
        "show_legend": False,
        "show_y_guides": False,
        "print_values": True,
        "print_values_position": "top",
        "disable_xml_declaration": True,
    }


def _svg(chart: Graph, kind: str, label: str) -> Markup:
    """Render a chart as SVG without styles, scripts and tooltips."""

    def strip(root: Element) -> Element:
        _strip(root)
        root.attrib.pop("id", None)
        root.attrib.update({"class": f"chart {kind}", "role": "img", "aria-label": label})
        return root

    chart.add_xml_filter(strip)
    svg: str = chart.render()
    # Safe: its text was escaped when it was serialized as XML.
    return Markup(LONG_NUMBER.sub(lambda match: f"{float(match[0]):.1f}", svg))  # noqa: S704


def _strip(node: Element) -> None:
    for child in list(node):
        named = child.tag if isinstance(child.tag, str) else "comment"
        if named in {*DROPPED_ELEMENTS, "comment"} or "tooltip-overlay" in child.get("class", ""):
            node.remove(child)
        else:
            _strip(child)
    if "value" in node.get("class", "").split():
        node.attrib["text-anchor"] = "start"
