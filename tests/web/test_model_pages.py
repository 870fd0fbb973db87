"""Pages and API of trained models: who sees them, what they say, what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.urls import reverse

from annotator import actions as annotator
from annotator.models import Campaign, Membership
from learner import actions
from learner.models import (
    FusionModel,
    Normalisation,
    Prediction,
    Promotion,
    ProxyWeights,
    RetrainPolicy,
    TrainingRun,
)
from tests.ratings import give_table

JSON = {"content_type": "application/json"}
CURVES = [
    {"fold": fold, "stage": stage, "epoch": epoch, "loss": 1 / (1 + epoch), "aside": 0.5}
    for fold in range(2)
    for stage in ("ws", "ft")
    for epoch in range(3)
]
ROW = {"n": 12, "pcc": 0.7, "pcc_low": 0.5, "pcc_high": 0.8, "srcc": 0.6, "mse": 0.3}
ROW |= {"mse_mapped": 0.25, "r2": 0.4, "bias": 0.1, "systems": None}


@pytest.fixture
def films(campaign, make_clip):
    """Twelve clips with a MOS."""
    clips = [make_clip(f"clip-{n:02d}", condition=("clean", "noise")[n % 2]) for n in range(12)]
    campaign.first_wave_clips = 0
    campaign.save()
    live = annotator.set_campaign_state(campaign=campaign, state="live")
    give_table(live, clips, [[1 + n % 5, 1 + (n + 1) % 5] for n in range(12)])
    return live


def add_model(campaign, shift=0.0, **run):
    """A trained model that says each clip's MOS, drawn to 3, plus a shift."""
    norm = Normalisation.objects.create(
        corpus=campaign.corpus,
        kind="z",
        version=Normalisation.objects.count() + 1,
        metrics=[],
        parameters={},
        moments={},
        n_clips=12,
    )
    fit = {"reason": "", "agreements": [], "low": [], "learned": [], "high": [], "line": {}}
    weights = ProxyWeights.objects.create(
        campaign=campaign,
        target="overall",
        method="equal",
        is_better=False,
        metrics=[],
        normalisation=norm,
        fit=fit,
        n_clips=12,
    )
    run = TrainingRun.objects.create(
        campaign=campaign,
        proxy_weights=weights,
        state="done",
        curves=CURVES,
        cause="a test <b>",
        **run,
    )
    model = FusionModel.objects.create(
        training_run=run,
        folder=f"run-{run.pk}",
        config={"width": 64, "folds": 4, "encoders": []},
        encoders=[{"name": "voice", "version": "1", "modality": "audio", "width": 8}],
        data_fingerprint="ab" * 32,
        evaluation=[{"name": "Proxy MOS", **ROW}, {"name": "DubScore", **ROW}],
        facts={"n_members": 4, "n_labelled": 12, "n_clips": 12, "n_sources": 12, "bytes": 2048},
    )
    folder = Path(settings.DUBSCORE_MODELS) / model.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*(f"member-{n}" for n in range(4)), "known"):
        (folder / f"{name}.safetensors").touch()
    Prediction.objects.bulk_create(
        Prediction(
            fusion_model=model,
            clip=clip,
            dubscore_raw=3 + 0.5 * ((2 + n % 5 + (n + 1) % 5) / 2 - 3) + shift,
            epistemic_var=0.1,
            aleatoric_var=0.1,
            is_out_of_fold=True,
            gates={"audio": 0.75, "text": 0.25},
        )
        for n, clip in enumerate(campaign.pool().order_by("name"))
    )
    return model


def in_use(model):
    return Promotion.objects.create(
        campaign=model.campaign, target="overall", fusion_model=model, reason="The first model"
    )


def pages_of(campaign, model):
    own = [campaign.public_id]
    return [
        reverse("learner:models", args=own),
        reverse("learner:model", args=[*own, model.pk]),
        reverse("learner:training", args=[*own, model.training_run_id]),
    ]


def test_a_campaign_without_models_says_what_makes_one(films, alice, signed_in):
    page = signed_in(alice).get(reverse("learner:models", args=[films.public_id]))
    assert "A finished round trains one" in page.content.decode()


def test_the_model_s_page_has_its_figures_curves_gates_and_settings(films, alice, signed_in):
    model = add_model(films)
    in_use(model)
    client = signed_in(alice)
    models, page, training = (client.get(url).content.decode() for url in pages_of(films, model))
    for words in ("0.700", "(0.50 … 0.80)", "in use", "a test &lt;b&gt;"):
        assert words in models, words
    for words in ("DubScore", "0.250", "0.75", "2.0", "noise", "voice", "abababababab"):
        assert words in page, words
    assert page.count("<polyline") >= 8
    assert "3 epochs" in training and 'hx-trigger="every 2s"' not in training


def test_a_training_under_way_asks_again_by_itself(films, alice, signed_in):
    run = TrainingRun.objects.create(campaign=films, state="running", curves=CURVES[:2])
    url = reverse("learner:training", args=[films.public_id, run.pk])
    client = signed_in(alice)
    assert 'hx-trigger="every 2s"' in client.get(url).content.decode()
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and "<polyline" in part
    client.post(url, {"how": "cancel"})
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_training_is_queued_from_the_page_and_refused_in_words(films, alice, signed_in):
    client, url = signed_in(alice), reverse("learner:models", args=[films.public_id])
    answer = client.post(url, {"aspect": "overall", "preset": "small", "seed": "7"}, follow=True)
    run = TrainingRun.objects.get()
    assert (run.state, run.seed, run.cause) == ("queued", 7, "asked for")
    assert "Training" in answer.content.decode()
    again = client.post(url, {"seed": "7"}, follow=True).content.decode()
    assert "is open: wait for it or cancel it" in again
    assert (
        "The seed is a whole number"
        in client.post(url, {"seed": "many"}, follow=True).content.decode()
    )


def test_a_better_model_is_promoted_and_rolled_back_on_the_page(films, alice, signed_in):
    first, second = add_model(films, shift=1.0), add_model(films, shift=-0.2)
    in_use(first)
    client = signed_in(alice)
    page = client.get(reverse("learner:model", args=[films.public_id, second.pk])).content.decode()
    assert "It is no worse than the model in use" in page
    promote = reverse("learner:promote", args=[films.public_id, second.pk])
    answer = client.post(promote, {"reason": "less off"}, follow=True).content.decode()
    assert "is in use now" in answer
    assert Promotion.objects.first().by == alice
    back = client.post(reverse("learner:roll_back", args=[films.public_id]), follow=True)
    assert "is in use again" in back.content.decode()
    assert Promotion.objects.first().fusion_model == first


def test_a_worse_model_is_refused_on_the_page_with_the_cure(films, alice, signed_in):
    first, second = add_model(films), add_model(films)
    Prediction.objects.filter(fusion_model=second).update(dubscore_raw=3.0)
    second.predictions.filter(clip__name__lt="clip-06").update(dubscore_raw=3.5)
    in_use(first)
    client = signed_in(alice)
    url = reverse("learner:promote", args=[films.public_id, second.pk])
    refused = client.post(url, follow=True).content.decode()
    assert "is not promoted" in refused and "Force it with a reason" in refused
    assert "say why" in client.post(url, {"force": "on"}, follow=True).content.decode()
    client.post(url, {"force": "on", "reason": "a trial"})
    assert Promotion.objects.first().is_forced


def test_triggers_are_switched_on_the_page(films, alice, signed_in):
    in_use(add_model(films))
    client = signed_in(alice)
    page = client.get(reverse("learner:models", args=[films.public_id])).content.decode()
    assert "0% more clips have a MOS" in page
    client.post(reverse("learner:policy", args=[films.public_id]), {"on_drift": "on"})
    policy = RetrainPolicy.objects.get()
    assert (policy.on_new_labels, policy.on_moved_weights, policy.on_drift) == (False, False, True)


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_see_no_model(films, other, signed_in, request):
    model = add_model(films)
    client = signed_in(request.getfixturevalue(other))
    for url in pages_of(films, model):
        assert client.get(url).status_code == 404
    own = [films.public_id]
    for url in (
        reverse("learner:promote", args=[*own, model.pk]),
        reverse("learner:roll_back", args=own),
        reverse("learner:policy", args=own),
        reverse("learner:models", args=own),
    ):
        assert client.post(url).status_code == 404
    assert not Promotion.objects.exists() and TrainingRun.objects.count() == 1


def test_a_model_of_another_campaign_is_not_found(films, alice, signed_in):
    model = add_model(films)
    other = Campaign.objects.create(name="Other", corpus=films.corpus, rubric=films.rubric)
    Membership.objects.create(campaign=other, user=alice, role="researcher")
    client = signed_in(alice)
    for name in ("model", "promote"):
        url = reverse(f"learner:{name}", args=[other.public_id, model.pk])
        answer = client.get(url) if name == "model" else client.post(url)
        assert answer.status_code == 404


def test_the_api_lists_compares_promotes_and_rolls_back(films, alice, signed_in):
    first, second = add_model(films, shift=1.0), add_model(films, shift=-0.2)
    in_use(first)
    client, base = signed_in(alice), f"/api/v1/campaigns/{films.public_id}"
    listed = client.get(f"{base}/models/").json()
    assert [(one["id"], one["is_in_use"]) for one in listed] == [
        (second.pk, False),
        (first.pk, True),
    ]
    found = client.get(f"{base}/models/{second.pk}/compare/?with={first.pk}").json()
    assert found["n"] == 12 and found["mse"] < 0
    for garbage in ("", "?with=", "?with=²", f"?with={'9' * 5000}", "?with=-1"):
        assert client.get(f"{base}/models/{second.pk}/compare/{garbage}").status_code == 400
    assert client.get(f"{base}/triggers/?target=taste").status_code == 400
    made = client.post(f"{base}/models/{second.pk}/promote/", {"reason": "less off"}, **JSON)
    assert made.status_code == 201 and made.json()["replaced"] == first.pk
    twice = client.post(f"{base}/models/{second.pk}/promote/", {}, **JSON)
    assert twice.status_code == 400 and "in use already" in str(twice.json())
    assert client.post(f"{base}/promotions/", {}, **JSON).status_code == 201
    assert [one["fusion_model"] for one in client.get(f"{base}/promotions/").json()] == [
        first.pk,
        second.pk,
        first.pk,
    ]


def test_the_api_trains_and_switches_triggers(films, alice, signed_in):
    in_use(add_model(films))
    client, base = signed_in(alice), f"/api/v1/campaigns/{films.public_id}"
    made = client.post(f"{base}/trainings/", {"seed": 3, "loss": "nll"}, **JSON)
    assert made.status_code == 201 and made.json()["config"]["loss"] == "nll"
    assert client.get(f"{base}/trainings/{made.json()['id']}/").json()["state"] == "queued"
    assert client.post(f"{base}/trainings/", {"loss": "hinge"}, **JSON).status_code == 400
    assert {one["key"] for one in client.get(f"{base}/triggers/").json()} == {
        "on_new_labels",
        "on_moved_weights",
        "on_drift",
    }
    kept = client.put(f"{base}/triggers/", {"on_drift": False}, **JSON).json()
    assert kept == {"on_new_labels": True, "on_moved_weights": True, "on_drift": False}


def test_the_learning_page_points_to_a_newer_model(films, alice, signed_in):
    in_use(add_model(films))
    newer = add_model(films)
    page = signed_in(alice).get(reverse("learner:overview", args=[films.public_id]))
    assert f"Model {newer.pk} is newer and waits for a decision" in page.content.decode()


def test_no_page_of_models_loads_torch(films, alice, signed_in):
    import sys

    model = add_model(films)
    in_use(add_model(films))
    had = "torch" in sys.modules
    client = signed_in(alice)
    for url in pages_of(films, model):
        assert client.get(url).status_code == 200
    actions.ask_training(campaign=films)
    assert had or "torch" not in sys.modules


def test_a_training_is_queued_from_the_admin_page(films, alice, signed_in):
    from learner.apps import give_researchers_their_permissions

    alice.is_staff = True
    alice.save()
    alice.groups.add(Group.objects.get_or_create(name="Researchers")[0])
    give_researchers_their_permissions()
    client, url = signed_in(alice), reverse("admin:learner_trainingrun_add")
    asked = {"campaign": films.pk, "target": "overall", "preset": "paper", "loss": "mse", "seed": 1}
    answer = client.post(url, asked)
    run = TrainingRun.objects.get()
    assert answer.url == reverse("learner:training", args=[films.public_id, run.pk])
    assert run.config == {"preset": "paper", "loss": "mse"} and run.cause == "asked for by hand"
    again = client.post(url, asked).content.decode()
    assert "is open: wait for it or cancel it" in again
