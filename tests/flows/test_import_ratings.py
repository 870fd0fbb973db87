"""`manage.py import_ratings`: ratings that were collected elsewhere, in every form that leaves."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotator import actions
from annotator.models import Assignment, Campaign, Clip, Membership, Rating, Score
from annotator.rating_files import read_ratings
from mos import exports
from mos.selectors import collected
from mos.selectors.raters import rater_rows
from tests.clips import write_clip
from tests.ratings import give_rating, give_table

KEYS = ("sync", "speaker", "clarity", "emotion", "prosody", "overall")


@pytest.fixture
def rated(campaign, make_clip):
    """Three clips, one of which is the others' source, with gaps, and a changed mind."""
    source = make_clip("source", content_id="s1")
    odd = make_clip('=dub, "1"', source=source, content_id="s1", system="+acme", condition="नया")
    clips = [source, odd, make_clip("dub-2", source=source, content_id="s1", system="basic")]
    give_table(campaign, clips, [[5, 4], [3, None], [1, 2]])
    bob = campaign.memberships.get(user__username="bob")
    give_rating(bob, odd, dict(zip(KEYS, (1, 2, 3, 4, 5, 2), strict=True)))
    return campaign


def export(campaign, kind, file, **options):
    file.write_bytes(b"".join(exports.blocks(campaign, kind, **options)))
    return file


def take_in(file, *options, name="Elsewhere"):
    out = StringIO()
    call_command("import_ratings", str(file), "--campaign", name, *options, stdout=out)
    return Campaign.objects.get(name=name), out.getvalue()


def kept(campaign, aspects=KEYS, revisions="last"):
    """Every score: clip, pseudonym, aspect and revision to value."""
    return {
        (row["clip_id"], row["rater"], row["aspect"], row["revision"]): row["score"]
        for row in exports.label_rows(campaign, revisions=revisions)
        if row["aspect"] in aspects
    }


@pytest.mark.parametrize("revisions", ["last", "all"])
def test_the_long_csv_comes_back_as_it_left(rated, tmp_path, revisions):
    file = export(rated, "csv", tmp_path / "labels.csv", revisions=revisions)
    back, said = take_in(file)
    before = kept(rated, revisions=revisions)
    if revisions == "last":  # the number of a revision is of the place it was given in
        before = {(*key[:3], 1): value for key, value in before.items()}
    assert kept(back, revisions=revisions) == before
    assert re.match(r"(5|6) ratings are new in Elsewhere", said)
    labels = ("clip_id", "system", "condition", "content_id", "source_clip", "lead_time_s")
    rows, again = (list(exports.label_rows(one)) for one in (rated, back))
    assert {tuple(row[label] for label in labels) for row in rows} == {
        tuple(row[label] for label in labels) for row in again
    }


@pytest.mark.parametrize("kind", ["sureal", "p910"])
def test_forms_of_one_aspect_come_back_as_they_left(rated, tmp_path, kind):
    file = export(rated, kind, tmp_path / "labels.file", aspect="clarity")
    back, _ = take_in(file, "--format", kind, *(["--aspect", "clarity"] if kind == "p910" else []))
    before = {key[:3]: value for key, value in kept(rated, ("clarity",)).items()}
    found = {key[:3]: value for key, value in kept(back, ("clarity",)).items()}
    if kind == "p910":  # its rows are clips in the order of their names
        names = sorted({clip for clip, *_ in before})
        found = {(names[int(c[-1]) - 1], r, a): value for (c, r, a), value in found.items()}
    assert found == before and len(before) == 5
    if kind == "sureal":
        assert back.corpus.clips.get(name="dub-2").source.name == "source"


def test_figures_of_what_came_back_are_those_of_what_left(rated, tmp_path):
    back, _ = take_in(export(rated, "csv", tmp_path / "labels.csv"))
    ours, theirs = (collected(one, "overall").tally for one in (rated, back))
    assert sorted(ours.sum_C) == sorted(theirs.sum_C)
    assert (ours.n_ratings, ours.n_raters) == (theirs.n_ratings, theirs.n_raters) == (5, 2)


def test_the_same_file_again_changes_nothing(rated, tmp_path):
    file = export(rated, "csv", tmp_path / "labels.csv", revisions="all")
    take_in(file)
    counted = [model.objects.count() for model in (Clip, User, Assignment, Rating, Score)]
    _, said = take_in(file)
    assert said.startswith("0 ratings are new") and "6 were here" in said
    again = [model.objects.count() for model in (Clip, User, Assignment, Rating, Score)]
    assert again == counted


def write(path, *rows, head="item,rater,aspect,rating"):
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_changed_score_is_a_revision(db, tmp_path):
    file = tmp_path / "r.csv"
    take_in(write(file, "a,x,overall,3", "a,y,overall,4"))
    back, said = take_in(write(file, "a,x,overall,5", "a,y,overall,4", "b,x,overall,1"))
    assert said.startswith("2 ratings are new in Elsewhere (1 of them revisions), 1 were here")
    assert kept(back, revisions="all") == {
        ("a", "R01", "overall", 1): 3,
        ("a", "R01", "overall", 2): 5,
        ("a", "R02", "overall", 1): 4,
        ("b", "R01", "overall", 1): 1,
    }
    take_in(write(file, "a,x,overall,3"))  # and back again
    assert kept(back)["a", "R01", "overall", 3] == 3


def test_an_import_that_was_cut_off_goes_on_where_it_stood(db, tmp_path, monkeypatch):
    monkeypatch.setattr("annotator.actions.rating_import.PAIRS_A_BLOCK", 3)
    rows = [f"clip {n},rater {k},overall,{1 + (n + k) % 5}" for n in range(5) for k in range(2)]
    given = read_ratings(write(tmp_path / "r.csv", *rows), "long-csv")

    def cut(done, total):
        if done > 5:
            raise KeyboardInterrupt

    whole = {"given": given, "campaign_name": "Cut", "corpus_name": "cut", "origin": "r.csv"}
    with pytest.raises(KeyboardInterrupt):
        actions.import_ratings(**whole, tell=cut)
    assert Rating.objects.count() == 6
    campaign, outcome = actions.import_ratings(**whole)
    assert (outcome.new, outcome.known, outcome.revised) == (4, 6, 0)
    assert len(kept(campaign)) == 10
    assert Score.objects.count() == 10


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a,x,overall,6"], r"line 2: the rating is '6'; ratings are whole numbers from 1 to 5"),
        (["a,x,overall,3", "a,y,overall,3.5"], r"line 3: the rating is '3\.5'"),
        (["a,x,overall,good"], r"line 2: the rating is 'good'"),
        ([",x,overall,3"], r"line 2: the clip has no name"),
        (["a,,overall,3"], r"line 2: the rater has no name"),
        (["a,x,,3"], r"line 2: the aspect has no name"),
        (["a,x,overall"], r"line 2: more or fewer values than columns"),
        (["a,x,overall,3", "a,x,overall,4"], r"line 3: x has rated a on overall before"),
        (["a,x,overall,"], r"has no rating"),
        (["a,x,one two,3", "a,y,One-Two,4"], r"Several aspects would be called one-two"),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_line_and_nothing_is(db, tmp_path, rows, words):
    with pytest.raises(CommandError, match=words):
        take_in(write(tmp_path / "r.csv", *rows))
    assert not Rating.objects.exists() and not Campaign.objects.exists()


def test_labels_must_agree_and_clips_are_not_their_own_sources(db, tmp_path):
    head = "clip_id,rater,score,system,source_clip"
    for rows, words in (
        (["a,x,3,acme,", "a,y,3,basic,"], "line 3: the clip a had other labels further up"),
        (["a,x,3,,b", "b,x,3,,a"], "its own source in the end"),
        ([f"a,x,3,{'s' * 300},"], "system"),
    ):
        with pytest.raises(CommandError, match=words):
            take_in(write(tmp_path / "r.csv", *rows, head=head))
    assert not Campaign.objects.exists()


def test_other_files_are_refused_by_what_is_wrong_with_them(db, tmp_path):
    file = tmp_path / "r.json"
    for content, words in (
        ("{", "is no JSON"),
        ("[]", "should be an object with `dis_videos`"),
        ('{"dis_videos": 3}', "'dis_videos' should be a list"),
        ('{"dis_videos": [{"path": "a", "os": 3}]}', "`os` should be a list of scores"),
        ('{"dis_videos": [{"path": "a", "os": [[3, 4]]}]}', "has several scores for it"),
        (
            '{"dis_videos": [{"path": "a", "os": {"x": 7}}]}',
            r"dis_videos\[0\], x: the rating is '7'",
        ),
        ('{"dis_videos": [{"path": "a", "os": []}]}', "has no rating"),
    ):
        file.write_text(content)
        with pytest.raises(CommandError, match=words):
            take_in(file)
    matrix = tmp_path / "m.csv"
    for content, words in (
        ("5.0,4.0\n3.0\n", "line 2: 1 values where the first line has 2"),
        ("5.0,9.0\n", "line 1, rater 2: the rating is '9.0'"),
        ("nan,nan\n", "has no rating"),
    ):
        matrix.write_text(content)
        with pytest.raises(CommandError, match=words):
            take_in(matrix, "--format", "p910")
    (tmp_path / "latin.csv").write_bytes("item,rater,rating\nä,x,3\n".encode("latin-1"))
    with pytest.raises(CommandError, match="is not UTF-8"):
        take_in(tmp_path / "latin.csv")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        take_in(tmp_path / "none.csv")
    with pytest.raises(CommandError, match=r"Say it with --rater: there are a, b"):
        take_in(write(tmp_path / "x.csv", "1,2", head="a,b"), "--item", "a", "--rating", "b")
    with pytest.raises(CommandError, match="with commas between its columns"):
        take_in(write(tmp_path / "y.csv", "a;x;3", head="item;rater;rating"))
    assert not Campaign.objects.exists()


def test_sureal_lists_have_a_rater_for_each_place(db, tmp_path):
    videos = [{"asset_id": 0, "content_id": 0, "os": [5, None, 3], "path": "a.mp4"}]
    file = tmp_path / "set.json"
    file.write_text(json.dumps({"ref_videos": [], "dis_videos": videos}))
    back, _ = take_in(file)
    assert {key[:2]: value for key, value in kept(back).items()} == {
        ("a.mp4", "R01"): 5,
        ("a.mp4", "R02"): 3,
    }


def test_a_campaign_that_collects_here_is_left_alone(rated, tmp_path):
    with pytest.raises(CommandError, match="Spring collects ratings here"):
        take_in(write(tmp_path / "r.csv", "a,x,overall,3"), name="Spring")


def test_a_campaign_is_asked_for_its_own_aspects_only(db, tmp_path):
    take_in(write(tmp_path / "r.csv", "a,x,overall,3"))
    with pytest.raises(CommandError, match="Elsewhere does not ask for warmth"):
        take_in(write(tmp_path / "s.csv", "a,x,warmth,3"))


def test_raters_cannot_sign_in_and_keep_their_order(db, tmp_path, client):
    rows = [f"a,R{n:d},overall,3" for n in (10, 2, 1)]
    back, _ = take_in(write(tmp_path / "r.csv", *rows))
    raters = list(back.memberships.order_by("pk").select_related("user"))
    assert [rater.user.username.split("-")[0] for rater in raters] == ["r1", "r2", "r10"]
    for rater in raters:
        assert not rater.user.has_usable_password() and not rater.user.is_active


def test_rejected_raters_are_rejected_by_a_researcher_who_says_so(rated, alice, tmp_path):
    bob = rated.memberships.get(user__username="bob")
    actions.judge_rater(rater=bob, is_accepted=False, reason="asleep", by=alice)
    file = export(rated, "csv", tmp_path / "labels.csv")
    with pytest.raises(CommandError, match=r"1 raters are rejected in labels\.csv.*--researcher"):
        take_in(file)
    back, _ = take_in(file, "--researcher", "alice")
    assert int(collected(back, "overall").tally.n_ratings) == 2
    take_in(file, "--researcher", "alice")  # and not once more
    assert [row.verdict.reason for row in rater_rows(back, "overall") if row.is_rejected] == [
        "rejected in labels.csv"
    ]
    with pytest.raises(CommandError, match="no user 'nobody'"):
        take_in(file, "--researcher", "nobody")


def test_nobody_is_shown_a_clip_without_a_file(rated, bina, alice, tmp_path, signed_in):
    back, _ = take_in(
        export(rated, "csv", tmp_path / "l.csv"), "--researcher", "alice", "--corpus", "far"
    )
    assert not back.pool().exists()
    actions.set_campaign_state(campaign=back, state="live")
    rater = Membership.objects.create(campaign=back, user=bina, role="rater")
    assert actions.claim_assignments(membership=rater) == []
    clip = back.corpus.clips.get(name="dub-2")
    client = signed_in(alice)
    assert client.get(reverse("annotator:clip_media", args=[clip.public_id])).status_code == 404
    for name in ("reliability", "raters", "planner"):
        text = client.get(reverse(f"mos:{name}", args=[back.public_id])).content.decode()
        assert "dub-2" in text or name != "reliability"
        assert clip.public_id not in text and "nan" not in text.replace("nan,", "")


def test_unknown_watching_raises_no_flag(db, tmp_path):
    rows = [f"clip {n},x,overall,{1 + n % 5}" for n in range(20)]
    rows += [f"clip {n},y,overall,{1 + n % 5}" for n in range(20)]
    back, _ = take_in(write(tmp_path / "r.csv", *rows))
    found = rater_rows(back, "overall")
    assert [row.flags for row in found] == [[], []]
    assert [row.median_lead_time_s for row in found] == [None, None]


def test_the_file_of_a_clip_may_come_later(db, tmp_path):
    back, _ = take_in(write(tmp_path / "r.csv", "talk,x,overall,3"), "--corpus", "far")
    folder = tmp_path / "clips"
    folder.mkdir()
    write_clip(folder / "talk.mp4")
    call_command("import_clips", str(folder), "--corpus", "far", stdout=StringIO())
    clip = back.corpus.clips.get()
    assert clip.state == Clip.State.READY and clip.duration_s > 0 and clip.rendition
    assert len(kept(back)) == 1


def test_queries_grow_with_blocks_and_not_with_rows(db, tmp_path):
    def queries(n):
        rows = [f"c{i},r{i % 7},overall,{1 + i % 5}" for i in range(n)]
        file = write(tmp_path / f"{n}.csv", *rows)
        with CaptureQueriesContext(connection) as seen:
            take_in(file, name=f"of {n}")
        return len(seen)

    few, many = queries(20), queries(400)
    assert many - few < 60  # inserts of a hundred rows each
