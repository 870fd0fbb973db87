"""What templates make of the learner's charts."""

from __future__ import annotations

import math
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from learner.charts import (
    forest,
    interval_row,
    learning_curve,
    metric_radar,
    mos_scatter,
    pool_map,
    reliability_diagram,
    weight_bars,
)

ROW = SimpleNamespace(
    title="Lips <b>", weight=0.25, low=0.1, high=0.45, equal=0.5, importance=math.nan
)
BARS = weight_bars([ROW, SimpleNamespace(**{**vars(ROW), "weight": math.nan, "low": None})])
COEFFICIENTS = [("Lips <b>", 0.7, 0.6), ("Pitch", -0.2, None), ("Voice", 0.5, 0.25)]
DRAWINGS = {
    "weight_axis": [BARS],
    "weight_bar": BARS.rows,
    "forest_row": forest(
        [("A <b>", [(3.25, 2.5, 4), (3.5, None, None)]), ("B", [(math.nan, 1, 2)]), ("C", [])]
    ).rows,
    "interval_row": [
        interval_row(0.25, -3.5, 3.5, -1, 1),
        interval_row(math.nan, None, None, 0, 1),
    ],
    "mos_scatter": [
        mos_scatter([], "MOS", "DubScore"),
        mos_scatter(
            [(1.5, 2.5, 2.25, 2.75, "a <b>", "abc"), (3, 3, None, None, "b", "")], "MOS", "DubScore"
        ),
    ],
    "reliability_diagram": [
        reliability_diagram([], []),
        reliability_diagram([0.5, 0.9], [0.4, 0.95]),
    ],
    "learning_curve": [
        learning_curve([], "ratings", "PCC"),
        learning_curve(
            [("random <b>", [(10, 0.25, 0.2, 0.3), (20, 0.5, None, None)]), ("none", [])],
            "ratings",
            "PCC",
        ),
    ],
    "metric_radar": [metric_radar(COEFFICIENTS[:n]) for n in range(4)],
    "pool_map": [
        pool_map([]),
        pool_map(
            [
                (0.25, 0.75, "pool", "a <b>", "abc", None, False),
                (1.25, 0.5, "labelled", "b", "abd", None, False),
                (2.5, 0.5, "picked", "c", "abe", 1, False),
                (2.75, 0.25, "picked", "d", "", 40, True),
                (math.nan, 0.25, "pool", "e", "abf", None, False),
            ]
        ),
    ],
}
CASES = [(name, i) for name, charts in DRAWINGS.items() for i in range(len(charts))]


def drawn(name: str, i: int) -> str:
    return render_to_string(f"learner/charts/_{name}.html", {"chart": DRAWINGS[name][i]})


@pytest.mark.parametrize(("name", "i"), CASES)
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_drawing_is_whole_and_asks_for_nothing_that_the_policy_refuses(name, i, language):
    with translation.override(language):
        html = drawn(name, i)
    marked = re.sub(r" data-clip(?=[ >])", ' data-clip=""', html)
    root = ElementTree.fromstring(f"<div>{marked}</div>")
    for node in root.iter():
        assert node.tag not in {"script", "style", "b>"}
        assert not {"style", "onclick"} & set(node.attrib)
        for key in ("x", "y", "cx", "cy", "x1", "x2", "y1", "y2", "r", "width", "points"):
            assert "nan" not in node.get(key, "")
            if key != "points":
                assert "," not in node.get(key, "")
    assert not re.search(r"\b(nan|None|inf)\b", "".join(root.itertext()))


@pytest.mark.parametrize("name", ["mos_scatter", "pool_map"])
def test_a_dot_with_a_clip_leads_to_it_and_plays_it(name):
    html = drawn(name, 1)
    assert 'href="/clips/abc/video" data-clip' in html
    assert "a &lt;b&gt;" in html


@pytest.mark.parametrize("name", ["mos_scatter", "pool_map"])
def test_a_chart_is_one_stop_of_the_tab_key(name):
    links = re.findall(r"<a [^>]*>", drawn(name, 1))
    assert len([link for link in links if "tabindex" not in link]) <= 1


def test_a_chart_of_nothing_says_so():
    for name in (
        "mos_scatter",
        "reliability_diagram",
        "learning_curve",
        "metric_radar",
        "pool_map",
    ):
        html = drawn(name, 0)
        assert "<svg" not in html
        assert "muted" in html


def test_the_key_names_what_lies_on_the_map():
    html = drawn("pool_map", 1)
    for words in ("picked, with its rank", "in reserve", "rated before", "the rest of the pool"):
        assert words in html
    assert "1 clip has no features yet" in html
