"""Page and API of scoring: what they take, what they refuse, and to whom they answer."""

from __future__ import annotations

import json
from html import unescape

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import reverse

from annotator.models import Clip, Corpus
from config.uploads import SizeLimit
from learner import actions
from learner.actions.rescoring import said_by
from learner.actions.scoring import run_scoring
from learner.api.scoring import ResultSerializer, ScoringSerializer
from learner.models import FusionModel, Promotion, Scoring, TrainingRun
from learner.selectors.scoring import report
from tests.flows.conftest import live, model  # noqa: F401 (fixtures)

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(5000)


@pytest.fixture
def study(live, model, alice, signed_in):  # noqa: F811
    """Alice's campaign with a model in use, and her browser."""
    return live, signed_in(alice)


@pytest.fixture
def light(campaign, make_clip, alice, signed_in):
    """The same with a row in place of a trained network: enough for what is only taken in."""
    run = TrainingRun.objects.create(campaign=campaign, state="done")
    row = FusionModel.objects.create(
        training_run=run, folder="none", config={"folds": 2}, encoders=[], evaluation=[]
    )
    Promotion.objects.create(campaign=campaign, target="overall", fusion_model=row, reason="test")
    for number in range(3):
        make_clip(f"dub-{number:02d}")
    return campaign, signed_in(alice)


def film(name="dub.mp4", content=FILM):
    return SimpleUploadedFile(name, content, "video/mp4")


def page_of(live):  # noqa: F811
    return reverse("learner:score", args=[live.public_id])


def result_page(scoring):
    return reverse("learner:scoring", args=[scoring.campaign.public_id, scoring.public_id])


def test_before_there_is_a_model_the_page_says_what_to_do(campaign, make_clip, alice, signed_in):
    make_clip("dub-00")
    client = signed_in(alice)
    page = client.get(page_of(campaign)).content.decode()
    assert "No model is in use yet" in page and "score-form" not in page
    answer = client.post(page_of(campaign), {"file": film()})
    assert answer.status_code == 422
    asked = {"campaign": campaign.public_id, "clip": "dub-00"}
    answer = client.post(reverse("api-score"), json.dumps(asked), "application/json")
    assert answer.status_code == 400 and "promote a model" in answer.json()[0]


def test_a_file_is_taken_in_under_a_name_of_our_own_and_queued(light, settings):
    campaign, client = light
    answer = client.post(
        page_of(campaign), {"file": film("../../a b.mp4"), "translation": " Good day. "}
    )
    scoring = Scoring.objects.get()
    assert answer.status_code == 302 and answer.url == result_page(scoring)
    assert scoring.name == "a b.mp4" and scoring.translation == "Good day."
    assert scoring.file.name.startswith(f"scored/{scoring.public_id}/")
    assert scoring.file.read() == FILM and scoring.state == "queued"
    page = client.get(answer.url).content.decode()
    assert 'hx-trigger="every 1s"' in page and "Waiting for a worker" in page
    assert "a b.mp4" in client.get(page_of(campaign)).content.decode()
    assert Clip.objects.filter(name="a b.mp4").count() == 0


def test_a_rated_clip_shows_the_score_of_those_that_never_saw_it(study, model):  # noqa: F811
    live, client = study  # noqa: F811
    kept = model.predictions.filter(is_out_of_fold=True).first()
    client.post(page_of(live), {"clip": kept.clip.name})
    scoring = Scoring.objects.get()
    run_scoring(scoring.pk)
    scoring.refresh_from_db()
    assert scoring.state == "done", scoring.error_text
    result = scoring.result
    assert result["is_out_of_fold"] and result["own_raw"] is None
    assert result["dubscore_raw"] == pytest.approx(kept.dubscore_raw, abs=1e-4)
    assert result["low"] <= result["dubscore_raw"] <= result["high"]
    assert all(row["value"] is not None for row in result["metrics"])  # kept ones, none computed
    assert all(row["has_vector"] for row in result["encoders"])
    about = {row["about"] for row in result["warnings"]}
    assert {"labels", "simulated", "source"} <= about
    page = client.get(result_page(scoring)).content.decode()
    assert "never saw it nor another dub" in page and "hx-trigger" not in page
    assert page.count('class="chart in-row strip"') == len(result["metrics"])
    _check_schema(client, scoring)


def test_a_rated_clip_scored_afresh_says_that_the_model_learned_from_it(study, model):  # noqa: F811
    live, _ = study  # noqa: F811
    rows = model.predictions.order_by("pk")
    rated, unrated = (
        rows.filter(is_out_of_fold=is_rated).first().clip for is_rated in (True, False)
    )
    for clip, is_said in ((rated, True), (unrated, False)):
        scoring = actions.ask_scoring(campaign=live, clip=clip, language="de")
        run_scoring(scoring.pk)
        scoring.refresh_from_db()
        assert scoring.state == "done", scoring.error_text
        assert not scoring.result["is_out_of_fold"]
        words = [row["text"] for row in scoring.result["warnings"] if row["about"] == "learned"]
        assert bool(words) is is_said, scoring.result["warnings"]
    assert "learned from this clip's ratings" not in str(scoring.result)


def _check_schema(client, scoring):
    """The schema names everything that is answered."""
    said = client.get(reverse("api-scoring", args=[scoring.public_id])).json()
    assert set(said) == set(ScoringSerializer().fields)
    assert set(said["result"]) == set(ResultSerializer().fields)
    for name, field in ResultSerializer().fields.items():
        rows = said["result"][name]
        if hasattr(field, "child") and hasattr(field.child, "fields") and rows:
            assert set(rows[0]) == set(field.child.fields), name
        elif hasattr(field, "fields"):
            assert set(rows) == set(field.fields), name
    schema = client.get(reverse("api-schema")).content.decode()
    assert "/api/v1/score/" in schema and "multipart/form-data" in schema


def test_an_unrated_clip_is_scored_as_rescoring_scores_it(study, model):  # noqa: F811
    live, _ = study  # noqa: F811
    clip = model.predictions.filter(is_out_of_fold=False).first().clip
    said, _known = said_by(model, [clip])
    scoring = actions.ask_scoring(campaign=live, clip=clip)
    run_scoring(scoring.pk)
    scoring.refresh_from_db()
    result = scoring.result
    assert result["dubscore_raw"] == pytest.approx(said.mean_N[0], abs=1e-3)
    assert result["epistemic_var"] == pytest.approx(said.epistemic_var_N[0], abs=1e-5)
    gates = dict(zip(said.modalities, said.gates_NS[0], strict=True))
    assert result["gates"] == pytest.approx(gates, abs=1e-3)
    assert result["own_raw"] is not None and scoring.fusion_model == model
    assert 0 <= result["proxy"]["share"] <= 1


def test_a_program_sends_a_file_or_names_a_clip(light):
    campaign, client = light
    address, campaign = reverse("api-score"), campaign.public_id
    answer = client.post(address, {"campaign": campaign, "file": film(), "language": "hi"})
    said = answer.json()
    assert answer.status_code == 202 and said["state"] == "queued", said
    assert answer["Location"] == said["result_url"] and said["name"] == "dub.mp4"
    assert client.get(answer["Location"]).json() == said
    asked = {"campaign": campaign, "clip": "dub-01"}
    answer = client.post(address, json.dumps(asked), "application/json")
    assert answer.status_code == 202 and Scoring.objects.get(clip__name="dub-01")


REFUSED = [
    ({"language": "hi"}, "a clip of the corpus, or a file"),
    ({"clip": "dub-00", "file": film()}, "a clip of the corpus, or a file"),
    ({"clip": "nobody"}, "The corpus has no clip"),
    ({"file": film(content=b"")}, "is empty"),
    ({"clip": "dub-00", "target": "taste"}, "has no aspect"),
    ({"clip": "dub-00", "source": "dub-00"}, "its own source"),
    ({"clip": "dub-00", "language": "x" * 36}, "at most 35"),
    ({"clip": "dub-00", "translation": "x" * 20_001}, "20000 are the most"),
    ({"clip": "dub-00", "webhook_url": "ftp://example.org/"}, "must begin with https"),
    ({"clip": "dub-00", "webhook_url": "http://[::1]/"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://127.0.0.1:8000/"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://0x7f.1/"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://169.254.169.254/x"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://[::ffff:10.0.0.1]/"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://[64:ff9b::a00:1]/"}, "private network"),
    ({"clip": "dub-00", "webhook_url": "http://a:b@8.8.8.8/"}, "neither password"),
    ({"clip": "dub-00", "webhook_url": "http://8.8.8.8:99999/"}, "is no address"),
]


def test_what_makes_no_sense_is_refused_in_words_by_page_and_api(light):
    campaign, client = light
    for fields, words in REFUSED:
        for address in (page_of(campaign), reverse("api-score")):
            if "file" in fields:
                fields["file"].seek(0)
            answer = client.post(address, {"campaign": campaign.public_id, **fields})
            assert answer.status_code in (400, 422), (fields, address)
            assert words in unescape(answer.content.decode()), (fields, address)
    assert client.post(page_of(campaign)).status_code == 422
    assert not Scoring.objects.exists()


def test_json_that_is_no_text_is_refused(light):
    campaign, client = light
    for wrong in ({"clip": 3}, {"clip": ["dub-00"]}, {"translation": {"a": 1}}, {"clip": "a\x00"}):
        asked = json.dumps({"campaign": campaign.public_id, **wrong})
        assert client.post(reverse("api-score"), asked, "application/json").status_code == 400
    answer = client.post(reverse("api-score"), "[1]", "application/json")
    assert answer.status_code == 400 and "Send an object" in answer.json()[0]


def test_a_campaign_that_is_none_and_fields_that_are_none_are_named(light):
    campaign, client = light
    address = reverse("api-score")
    for given, words in ((None, "must be given"), ("Spring", "'Spring' is no"), (3, "not 3")):
        asked = {"clip": "dub-00"} if given is None else {"clip": "dub-00", "campaign": given}
        answer = client.post(address, json.dumps(asked), "application/json")
        assert answer.status_code == 400 and words in answer.json()["campaign"][0]
    answer = client.post(address, {"clip": "dub-00", "campaign": "0" * 16})
    assert answer.status_code == 404 and "0" * 16 in answer.json()["detail"]
    asked = {"campaign": campaign.public_id, "clip": "dub-00", "aspect": "sync"}
    answer = client.post(address, json.dumps(asked), "application/json")
    assert answer.status_code == 400 and list(answer.json()) == ["aspect"]
    assert "target" in answer.json()["aspect"][0] and not Scoring.objects.exists()


def test_the_page_offers_the_aspects_that_have_a_model(light):
    campaign, client = light
    page = client.get(page_of(campaign)).content.decode()
    assert '<option value="overall" selected>' in page and 'value="sync"' not in page
    Promotion.objects.update(target="sync")
    page = client.get(page_of(campaign)).content.decode()
    assert '<option value="sync" selected>' in page and 'value="overall"' not in page
    answer = client.post(page_of(campaign), {"clip": "dub-00", "target": "sync"})
    assert answer.status_code == 302 and Scoring.objects.get().target == "sync"


def test_a_file_above_the_limit_is_refused_before_it_is_kept(light, settings):
    campaign, client = light
    settings.DUBSCORE_SCORE_MOST_BYTES = 4000
    answer = client.post(page_of(campaign), {"file": film()})
    assert answer.status_code == 422 and "are the most" in answer.content.decode()
    settings.DUBSCORE_SCORE_MOST_BYTES = -(1 << 21)  # nothing at all may be sent
    answer = client.post(page_of(campaign), {"file": film()})
    page = answer.content.decode()
    assert answer.status_code == 413 and "0 MB are the most. Cut the" in page
    assert 'id="score-errors"' in page  # where the page that uploads looks for words
    answer = client.post(reverse("api-score"), {"file": film()})
    assert answer.status_code == 413 and "encode it smaller" in answer.json()["detail"]
    assert not Scoring.objects.exists()


def test_a_clip_of_another_corpus_is_not_known_here(light):
    campaign, client = light
    other = Corpus.objects.create(name="elsewhere")
    clip = Clip.objects.create(
        corpus=other, name="far", duration_s=1, width=2, height=2, original="a", rendition="a"
    )
    answer = client.post(page_of(campaign), {"clip": clip.public_id})
    assert answer.status_code == 422 and not Scoring.objects.exists()


def test_strangers_and_raters_find_nothing(light, signed_in, bob, charlie):
    campaign, _ = light
    scoring = actions.ask_scoring(campaign=campaign, clip=campaign.pool()[0])
    for who in (bob, charlie):
        client = signed_in(who)
        addresses = [page_of(campaign), result_page(scoring), report(scoring)["result_url"]]
        assert {client.get(address).status_code for address in addresses} == {404}
        assert client.post(page_of(campaign), {"clip": "dub-00"}).status_code == 404
        assert client.post(result_page(scoring), {"how": "cancel"}).status_code == 404
        asked = {"campaign": campaign.public_id, "clip": "dub-00"}
        assert client.post(reverse("api-score"), asked).status_code == 404
    scoring.refresh_from_db()
    assert scoring.state == "queued" and Scoring.objects.count() == 1


def test_a_scoring_is_stopped_and_taken_up_again(light):
    campaign, client = light
    scoring = actions.ask_scoring(campaign=campaign, clip=campaign.pool()[0])
    client.post(result_page(scoring), {"how": "cancel"})
    assert Scoring.objects.get().state == "cancelled"
    assert "It was stopped." in client.get(result_page(scoring)).content.decode()
    client.post(result_page(scoring), {"how": "again"})
    assert Scoring.objects.get().state == "queued"


def test_the_admin_shows_scorings_of_ones_own_campaigns_to_read(light, signed_in, alice):
    from django.contrib.auth.models import Group

    from learner.apps import give_researchers_their_permissions

    campaign, client = light
    give_researchers_their_permissions()
    alice.groups.add(Group.objects.get(name="Researchers"))
    actions.ask_scoring(campaign=campaign, clip=campaign.pool()[0])
    page = client.get(reverse("admin:learner_scoring_changelist"))
    assert page.status_code == 200 and "1 scoring" in page.content.decode()
    assert client.get(reverse("admin:learner_scoring_add")).status_code == 403


def test_what_nobody_signed_in_sends_is_not_read():
    class Unread:
        """A body that must not be looked at."""

        def read(self, *args):
            raise AssertionError("it was read")

    head = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(5 << 20)}
    request = RequestFactory().generic("POST", "/campaigns/x/score/", **head)
    request.user, request._stream = AnonymousUser(), Unread()
    answer = SizeLimit(lambda request: pytest.fail("it was let through"))(request)
    assert answer.status_code == 302 and answer.url.startswith("/login/")
