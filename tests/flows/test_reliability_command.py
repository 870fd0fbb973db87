"""`manage.py reliability FILE`: the whole table for ratings that were collected elsewhere."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotator.models import Rating

# Shrout and Fleiss (1979), table 2.
TABLE = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
FORMS = {
    "ICC(1,1)": 0.166,
    "ICC(2,1)": 0.290,
    "ICC(3,1)": 0.715,
    "ICC(1,k)": 0.443,
    "ICC(2,k)": 0.620,
    "ICC(3,k)": 0.909,
}


def write(path, rows, head="item,rater,rating"):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def long_rows(table, scale=1.0):
    return [
        (f"clip {n}", f"R{k}", value * scale)
        for n, row in enumerate(table)
        for k, value in enumerate(row)
    ]


def ask(file, *options):
    out = StringIO()
    call_command("reliability", str(file), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def as_json(file, *options):
    return json.loads(ask(file, "--json", *options), parse_constant=pytest.fail)


def values(found):
    return {row["name"]: row["value"] for row in found["coefficients"]}


@pytest.mark.parametrize("scale", [1, 0.5, 0.01, 10])
def test_the_published_table_on_any_scale(tmp_path, scale):
    (found,) = as_json(write(tmp_path / "r.csv", long_rows(TABLE, scale)))
    assert {form: values(found)[form] for form in FORMS} == pytest.approx(FORMS, abs=6e-4)
    shares = {row["name"]: row["variance"] for row in found["shares"]}
    ms_clips, ms_error = 11.2417, 1.0194
    assert shares["between clips"] == pytest.approx((ms_clips - ms_error) / 4 * scale**2, rel=1e-3)
    assert (found["n_clips"], found["n_raters"], found["n_ratings"]) == (6, 4, 24)


def test_text_says_what_json_says(tmp_path):
    text = ask(write(tmp_path / "r.csv", long_rows(TABLE)))
    assert "24 ratings of 6 items by 4 raters" in text
    for form, value in FORMS.items():
        assert f"{form} " in text and f"{value:.2f}" in text


def test_a_table_with_gaps_gets_what_needs_no_full_table(tmp_path):
    rows = [row for number, row in enumerate(long_rows(TABLE)) if number % 5]
    text = ask(write(tmp_path / "r.csv", rows))
    assert "20.8 % of cells empty" in text and "Not every rater has rated every clip" in text
    assert "from variance components" in text


def test_columns_are_found_by_their_usual_names_or_as_told(tmp_path):
    rows = [(*row[:2], "clarity", row[2]) for row in long_rows(TABLE)]
    usual = write(tmp_path / "a.csv", rows, "Clip_ID,worker,question,vote")
    other = write(tmp_path / "b.csv", rows, "a,b,c,d")
    told = as_json(other, "--item", "a", "--rater", "b", "--aspect", "c", "--rating", "d")
    assert as_json(usual) == told and told[0]["aspect"] == "clarity"


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ("item,who,rating", "a,b,3", r"Which column is the rater\? Say it with --rater: there are"),
        ("item,rater,rating", "a,b,good", r"Line 2: rating is 'good', which is no number"),
        ("item,rater,rating", "a,b,inf", r"Line 2: rating is 'inf'"),
        ("item,rater,rating", "a,b,", r"rating is empty everywhere"),
        ("item,rater,rating", "a,b,1.23456789", r"more than 4 decimals"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place_and_cure(tmp_path, head, row, words):
    file = tmp_path / "r.csv"
    file.write_text(f"{head}\n{row}\n")
    with pytest.raises(CommandError, match=words):
        ask(file)


def test_a_column_or_file_that_is_not_there_is_named(tmp_path):
    file = write(tmp_path / "r.csv", long_rows(TABLE))
    with pytest.raises(CommandError, match=r"No column is called 'slot': there are item"):
        ask(file, "--rater", "slot")
    with pytest.raises(CommandError, match=r"none\.csv cannot be read: No such file"):
        ask(tmp_path / "none.csv")


def test_empty_cells_are_gaps_and_a_later_row_replaces_an_earlier_one(tmp_path):
    rows = [*long_rows(TABLE), ("clip 0", "R0", 1), ("clip 9", "R0", ""), ("clip 9", "R1", "nan")]
    out, err = StringIO(), StringIO()
    file = write(tmp_path / "r.csv", rows)
    call_command("reliability", str(file), "--json", stdout=out, stderr=err)
    (found,) = json.loads(out.getvalue())
    assert (found["n_clips"], found["n_ratings"]) == (6, 24)
    assert "1 ratings were given anew" in err.getvalue()


def test_what_tells_nothing_is_a_sentence(tmp_path):
    same = write(tmp_path / "r.csv", [("a", "x", 2.5), ("a", "y", 2.5), ("b", "x", 2.5)])
    assert "Every score so far is 2.5" in ask(same)
    assert "Every score is the same" in ask(same, "--one-way")
    one = write(tmp_path / "s.csv", [("a", "x", 2.5)])
    assert "Only one rater" in ask(one) and "Agreement needs 2 clips" in ask(one, "--one-way")


def test_slots_get_the_one_way_forms_and_why_not_the_others(tmp_path):
    file = write(tmp_path / "r.csv", long_rows(TABLE), "item,slot,rating")
    (found,) = as_json(file, "--one-way")
    assert values(found)["ICC(1,1)"] == pytest.approx(0.166, abs=6e-4)
    assert values(found)["ICC(1,k)"] == pytest.approx(0.443, abs=6e-4)
    row = found["coefficients"][0]
    assert (row["low"], row["high"]) == pytest.approx((-0.133, 0.723), abs=1e-3)
    assert "ICC(2,1)" not in values(found) and "is not known" in str(found["coefficients"])


def test_unequal_slots_recover_what_the_scores_were_made_of(tmp_path):
    random = np.random.default_rng(5)
    rows = [
        (n, k, round(level + random.normal(0, 1), 2))
        for n, level in enumerate(random.normal(0, 1, 3000))
        for k in range(random.integers(1, 5))
    ]
    (found,) = as_json(write(tmp_path / "r.csv", rows, "item,slot,rating"), "--one-way")
    assert values(found)["ICC(1,1)"] == pytest.approx(0.5, abs=0.03)
    shares = {row["name"]: row["variance"] for row in found["shares"]}
    assert shares == pytest.approx({"between clips": 1.0, "within clips": 1.0}, abs=0.08)


@pytest.mark.django_db
def test_nothing_is_imported(tmp_path):
    ask(write(tmp_path / "r.csv", long_rows(TABLE)))
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nflx_79x26", (0.744, 0.745, 0.781, 0.987)),
        ("nflx_79x30_last4_bad", (0.583, None, None, None)),
        ("vqeghd3_72x24", (0.660, 0.661, 0.739, 0.979)),
    ],
)
def test_real_files_give_the_known_values(real_data, name, expected):
    (found,) = as_json(real_data / "ratings" / f"{name}.csv")
    forms = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)")
    for form, value in zip(forms, expected, strict=True):
        assert value is None or values(found)[form] == pytest.approx(value, abs=5e-4)


def test_a_real_negative_coefficient_is_shown_with_the_reason(real_data):
    file = real_data / "ratings" / "hanna_1056x3x6.csv"
    found = {aspect["aspect"]: aspect for aspect in as_json(file, "--one-way")}
    known = {"Relevance": 0.138, "Coherence": -0.055, "Empathy": 0.116, "Surprise": 0.051}
    known |= {"Engagement": 0.180, "Complexity": 0.278}
    for aspect, value in known.items():
        assert values(found[aspect])["ICC(1,1)"] == pytest.approx(value, abs=5e-4)
        alpha = values(found[aspect])["Cronbach's alpha over aspects"]
        assert alpha == pytest.approx(0.904, abs=5e-4)
    (note,) = found["Coherence"]["notes"]
    assert note.startswith("Below 0: ICC(1,1)") and "shown as they are" in note
    assert "-0.055" in ask(file, "--one-way")
