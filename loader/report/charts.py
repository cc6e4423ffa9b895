"""Charts as static SVG, drawn by pygal; the page's style sheet gives them their colors.

What pygal writes for its own style sheets and scripts is taken out: a chart is a drawing, and says
in words what it shows.
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

# Python 3.11 warns of pygal's finder of map plugins, which we have none of, whenever a module is
# looked for in vain.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, PluginImportFixer)]

WIDTH = 360
"""Of a drawing, in its own units: on a phone text is about as large as it is here."""
TEXT = 13
"""The size of text, as in style.css."""
MOST_BARS = 14
MOST_LABEL = 24
"""Characters of a label beside a bar."""
MOST_LINES = 8
"""As many as have colors of their own in style.css."""

DROPPED = {"defs", "desc", "title"}
"""Elements for pygal's styles, scripts and tooltips."""
NUMBER = re.compile(r"-?\d+\.\d{2,}")


def bars(title: str, counts: Mapping[str, int], *, in_order: bool = False) -> Markup:
    """Draw counts as bars, one below the other.

    Args:
        title: what is counted; read out, not drawn.
        counts: by label; of many only the largest have bars of their own, and are `OTHERS` else.
        in_order: leave them in the order given; else the largest come first.
    """
    few = largest(counts, in_order=in_order)
    chart = HorizontalBar(**_sizes(8 + 25 * len(few)), **_labels(few))
    chart.range = (0, max([*few.values(), 1]) * _stretch(few, few.values()))
    chart.add(title, list(few.values())[::-1], formatter=number)
    return _svg(chart, "hbars", describe(title, few))


def largest(counts: Mapping[str, int], *, in_order: bool = False) -> dict[str, int]:
    """Give the largest counts and the sum of the others: together as much as before."""
    ranked = sorted(counts, key=lambda label: (label == OTHERS, -counts[label]))
    room = MOST_BARS if len(counts) <= MOST_BARS else MOST_BARS - 1
    kept = [label for label in ranked[:room] if label != OTHERS]
    order = [label for label in counts if label in set(kept)] if in_order else kept
    few = {label: counts[label] for label in order}
    rest = sum(counts.values()) - sum(few.values())
    return few | ({OTHERS: rest} if rest else {})


def funnel(title: str, steps: Sequence[tuple[str, int, int]]) -> Markup:
    """Draw what is left after each step, and what the step took.

    Args:
        title: read out, not drawn.
        steps: label, rows taken, rows left.
    """
    shown = [*steps[: MOST_BARS - 2], steps[-1]] if len(steps) >= MOST_BARS else list(steps)
    if len(shown) < len(steps):
        cut = steps[MOST_BARS - 2 : -1]
        shown.insert(-1, (OTHERS, sum(taken for _, taken, _ in cut), cut[-1][2]))
    labels = {label: left for label, _, left in shown}
    chart = HorizontalStackedBar(
        **_sizes(8 + 25 * len(shown)), **_labels([label for label, _, _ in shown])
    )
    top = max(taken + left for _, taken, left in shown) or 1
    chart.range = (0, top * _stretch(labels, labels.values()))
    chart.add("left", [left for _, _, left in shown][::-1], formatter=lambda _: "")
    chart.add(
        "taken",
        [{"value": taken, "formatter": _given(number(left))} for _, taken, left in shown][::-1],
    )
    return _svg(chart, "hbars funnel", describe(title, labels))


def hours(title: str, counts: Sequence[int], now: int | None = None) -> Markup:
    """Draw a count for each hour of a day.

    Args:
        title: read out, not drawn.
        counts: 24.
        now: the hour to set off from the others.
    """
    chart = Bar(**_sizes(210), x_labels=[f"{hour}:00" for hour in range(24)])
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
    """Draw numbers over days, a line for each name; no more than `MOST_LINES` are drawn.

    Args:
        title: read out, not drawn.
        series: days, ascending, or numbers of files in all of them, with a number from 0; nothing
            is drawn if there is none.
        write: how the numbers are written, by default as shares.
    """
    drawn = dict([(name, points) for name, points in series.items() if points][:MOST_LINES])
    if not drawn:
        return Markup()
    first, last, x_label = _range(x for points in drawn.values() for x, _ in points)
    steps = ticks(max([number for points in drawn.values() for _, number in points] + [0.01]))
    chart = XY(**_sizes(230 + (20 * len(drawn) if len(drawn) > 1 else 0)))
    chart.show_legend, chart.legend_at_bottom = len(drawn) > 1, True
    chart.legend_at_bottom_columns, chart.legend_box_size = 1, 10
    chart.truncate_legend, chart.print_values, chart.show_y_guides = 40, False, True
    chart.x_labels = sorted({first, (first + last) // 2, last})
    chart.x_value_formatter = x_label
    beside = max(last - first, 1) / 20
    chart.xrange, chart.range = (first - beside, last + beside), (0, steps[-1])
    chart.y_labels, chart.value_formatter = steps, write
    chart.margin_right, chart.dots_size, chart.truncate_label = 40, 3, -1
    for name, points in drawn.items():
        chart.add(visible(name, 40), [(_place(x), number) for x, number in points])
    newest = {name: points[-1][1] for name, points in drawn.items()}
    return _svg(chart, "lines", describe(title, newest, write))


def _range(xs: Iterable[date | int]) -> tuple[int, int, Callable[[float], str]]:
    """Give the first and the last place on an axis, and how its labels are written."""
    found = [*xs]
    places = [_place(x) for x in found]
    return min(places), max(places), _day if isinstance(found[0], date) else number


def _place(x: date | int) -> int:
    return x.toordinal() if isinstance(x, date) else x


def _day(place: float) -> str:
    return f"{date.fromordinal(round(place)):%Y-%m-%d}"


def ticks(highest: float) -> list[float]:
    """Give three to six round numbers from 0 to the first that is not below the highest value."""
    magnitude = 10.0 ** math.floor(math.log10(highest / 2))
    step = next(n * magnitude for n in (1, 2, 5, 10) if n * magnitude * 5 >= highest)
    return [round(step * n, 9) for n in range(math.ceil(round(highest / step, 9)) + 1)]


def describe(
    title: str, values: Mapping[str, float], write: Callable[[float], str] = number
) -> str:
    """Say a chart in words, for who does not see it."""
    said = "; ".join(f"{visible(label, 40)} {write(value)}" for label, value in values.items())
    return f"{title}: {said or 'nothing'}"


def _given(text: str) -> Callable[[float], str]:
    return lambda _: text


def _labels(names: Sequence[str] | Mapping[str, int]) -> dict[str, Any]:
    """Give the labels of bars; pygal draws from below."""
    return {
        "x_labels": [visible(name, MOST_LABEL) for name in names][::-1],
        "show_x_labels": False,  # pygal's x is the axis of the counts here: each bar tells its own
    }


def _stretch(labels: Iterable[str], counts: Iterable[int]) -> float:
    """Say how much longer than the longest bar an axis has to be for the number behind the bar."""
    beside = max((len(visible(label, MOST_LABEL)) for label in labels), default=0)
    behind = max((len(number(count)) for count in counts), default=0)
    plot = WIDTH - 20 - 0.6 * TEXT * beside
    return plot / (plot - 12 - 0.6 * TEXT * min(behind, 12))


def _sizes(height: int) -> dict[str, Any]:
    """Give what all charts have in common."""
    names = ("label", "major_label", "value", "legend", "title")
    style = Style(**{f"{name}_font_size": TEXT for name in names})
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
    """Render a chart without all that is not drawing."""

    def bared(root: Element) -> Element:
        _bare(root)
        root.attrib.pop("id", None)
        root.attrib.update({"class": f"chart {kind}", "role": "img", "aria-label": label})
        return root

    chart.add_xml_filter(bared)
    svg: str = chart.render()
    # All text in it was escaped when it was written as XML.
    return Markup(NUMBER.sub(lambda match: f"{float(match[0]):.1f}", svg))  # noqa: S704


def _bare(node: Element) -> None:
    for child in list(node):
        named = child.tag if isinstance(child.tag, str) else "comment"
        if named in {*DROPPED, "comment"} or "tooltip-overlay" in child.get("class", ""):
            node.remove(child)
        else:
            _bare(child)
    if "value" in node.get("class", "").split():
        node.attrib["text-anchor"] = "start"
