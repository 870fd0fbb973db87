"""Trained models in a campaign: which one speaks, what replaces it, and what calls for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from learner import actions
from learner.actions.extraction import inputs_key, run_extraction
from learner.actions.jobs import Pulse
from learner.actions.proxy import run_refit
from learner.actions.registry import why_not_better
from learner.actions.rescoring import run_rescoring
from learner.actions.training import run_training
from learner.actions.triggers import triggers, why_train
from learner.features import Feature, FeatureStore
from learner.fusion.checkpoints import words_of
from learner.models import (
    FusionModel,
    Job,
    MetricScore,
    Prediction,
    Promotion,
    Rescoring,
    TrainingRun,
)
from learner.registry import shelf
from learner.selectors import labelled_clips
from learner.selectors.registry import compare_models, gate_rows, model_in_use, models_of

TINY = {"epochs_ws": 2, "epochs_ft": 2, "width": 16, "layers": 1}


def train(campaign, seed=0):
    """A small network on the labels that are in."""
    run = actions.ask_training(campaign=campaign, seed=seed, cause="for a test")
    TrainingRun.objects.filter(pk=run.pk).update(config=TINY)
    run_training(run.pk)
    run.refresh_from_db()
    assert run.state == Job.State.DONE, run.error_text
    return run.fusion_model


@pytest.fixture
def trained(rated):
    """A campaign whose eighteen labelled clips taught a network."""
    return rated, train(rated)


@pytest.fixture
def rated(live):
    """Eighteen of the twenty-four clips have ratings."""
    from annotator.actions import open_wave
    from learner.actions.simulation import rate_by_simulation

    left = live.pool().exclude(assignments__campaign=live).order_by("name")
    wave = open_wave(campaign=live, label="more", clips=list(left[:8]), ratings_per_clip=2)
    rate_by_simulation(campaign=live, wave=wave)
    return live


def say(model, scores):
    """Make a model say this of the clips that have a MOS."""
    mos = labelled_clips(model.campaign, model.target).mos
    for clip, value in mos.items():
        Prediction.objects.filter(fusion_model=model, clip=clip).update(
            dubscore_raw=float(np.clip(scores(value, clip), 1, 5))
        )


def test_the_first_model_speaks_at_once_and_its_corpus_is_scored(trained):
    campaign, model = trained
    assert model_in_use(campaign) == model
    promotion = Promotion.objects.get()
    assert promotion.reason == "The first model" and promotion.by is None
    assert model.predictions.count() == campaign.pool().count()
    assert model.facts["n_labelled"] == len(labelled_clips(campaign, "overall").mos)
    assert 0 <= model.facts["calibration"]["picp"] <= 1
    for one in model.predictions.all():
        assert sum(one.gates.values()) == pytest.approx(1, abs=0.001)
        assert 0 <= one.proxy_share <= 1 and one.distance_frac is not None
    whole = gate_rows(model)[0]
    assert whole["n"] == 24 and sum(whole["gates"].values()) == pytest.approx(1, abs=0.01)


def test_a_second_model_waits_and_is_promoted_when_it_is_no_worse(trained, alice):
    campaign, first = trained
    second = train(campaign, seed=1)
    assert model_in_use(campaign) == first
    say(first, lambda mos, clip: mos + 0.3 * (-1) ** clip)
    say(second, lambda mos, clip: mos + 0.1 * (-1) ** clip)
    promotion = actions.promote(model=second, by=alice)
    assert model_in_use(campaign) == second
    assert (promotion.replaced, promotion.by, promotion.is_forced) == (first, alice, False)
    assert promotion.comparison["mse"] < 0
    with pytest.raises(ValidationError, match="is in use already"):
        actions.promote(model=second, by=alice)


def test_a_worse_model_is_refused_unless_forced_with_a_reason(trained, alice):
    campaign, first = trained
    second = train(campaign, seed=1)
    say(first, lambda mos, clip: mos)
    say(second, lambda mos, clip: 6 - mos)
    with pytest.raises(ValidationError, match="correlation may fall by 0.01 at most"):
        actions.promote(model=second, by=alice)
    with pytest.raises(ValidationError, match="say why"):
        actions.promote(model=second, by=alice, is_forced=True)
    assert model_in_use(campaign) == first
    forced = actions.promote(model=second, by=alice, is_forced=True, reason="a trial")
    assert forced.is_forced and model_in_use(campaign) == second


def test_a_model_that_is_off_everywhere_is_refused_for_its_error(trained):
    campaign, first = trained
    second = train(campaign, seed=1)
    say(first, lambda mos, clip: mos)
    say(second, lambda mos, clip: 0.5 * mos + 2)  # correlates, and lies too high
    with pytest.raises(ValidationError, match="the error may grow by 2% at most"):
        actions.promote(model=second)


def test_rolling_back_goes_to_the_model_before_and_keeps_the_history(trained, alice):
    campaign, first = trained
    with pytest.raises(ValidationError, match="was in use before"):
        actions.roll_back(campaign=campaign, target="overall")
    second = train(campaign, seed=1)
    actions.promote(model=second, is_forced=True, reason="newer")
    back = actions.roll_back(campaign=campaign, target="overall", by=alice)
    assert back.is_rollback and model_in_use(campaign) == first
    assert Promotion.objects.count() == 3
    with pytest.raises(ValidationError, match="there is none to go to"):
        actions.roll_back(campaign=campaign, target="overall")  # never forth again
    third = train(campaign, seed=2)
    actions.promote(model=third, is_forced=True, reason="newest")
    actions.promote(model=second, is_forced=True, reason="newer")
    for expected in (third, first):
        actions.roll_back(campaign=campaign, target="overall")
        assert model_in_use(campaign) == expected


def test_comparing_counts_clips_that_got_their_mos_later(trained):
    campaign, first = trained
    before = compare_models(first, first)
    assert before["n"] == first.facts["n_labelled"] and before["pcc"] == 0
    label_the_rest(campaign)
    assert compare_models(first, first)["n"] == 24


def label_the_rest(campaign):
    from annotator.actions import open_wave
    from learner.actions.simulation import rate_by_simulation

    left = campaign.pool().exclude(assignments__campaign=campaign)
    wave = open_wave(campaign=campaign, label="rest", clips=list(left), ratings_per_clip=2)
    rate_by_simulation(campaign=campaign, wave=wave)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"n": 3, "pcc": 0.5}, "too few to compare"),
        ({"n": 30, "pcc": None}, "too few to compare"),
        ({"n": 30, "pcc": -0.01}, "correlation may fall"),
        ({"n": 30, "pcc": -0.009, "mse": 0.009, "mse_low": -0.01, "mse_high": 0.02}, ""),
        ({"n": 30, "pcc": 0.2, "mse": 0.1, "mse_low": -0.01, "mse_high": 0.2}, "may grow by 2%"),
        ({"n": 30, "pcc": 0.2, "mse": -0.1}, ""),
    ],
)
def test_what_keeps_a_model_from_promotion(found, words):
    whole = {
        "mse": 0.0,
        "mse_first": 0.5,
        "pcc_low": None,
        "pcc_high": None,
        "mse_low": None,
        "mse_high": None,
    }
    said = why_not_better({**whole, **found})
    assert words in said and bool(said) == bool(words)


def test_new_clips_are_scored_by_the_model_in_use(trained, make_clip):
    campaign, model = trained
    late = make_clip("late", content_id="late")
    job = actions.queue_rescoring(model=model)
    assert actions.queue_rescoring(model=model) == job  # one at a time
    for open_job in Rescoring.objects.unfinished():
        run_rescoring(open_job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error_text
    assert "1 have no features yet" in job.progress_text
    assert not model.predictions.filter(clip=late).exists()
    for card in shelf("encoder").set_up().values():
        vector = np.ones(card.width, dtype="float32")
        feature = Feature(late.public_id, inputs_key(card, late), vector)
        FeatureStore(card.name, card.version).add([feature])
    run_rescoring(actions.queue_rescoring(model=model).pk)
    said = model.predictions.get(clip=late)
    assert not said.is_out_of_fold and sum(said.gates.values()) == pytest.approx(1, abs=0.001)
    assert 1 <= said.dubscore_raw <= 5


def test_an_extraction_that_made_something_has_the_corpus_scored(trained, monkeypatch):
    campaign, model = trained
    Rescoring.objects.all().delete()
    extraction = actions.queue_extraction(corpus=campaign.corpus)
    run_extraction(extraction.pk)
    assert not Rescoring.objects.exists()  # nothing was missing
    MetricScore.objects.filter(clip__corpus=campaign.corpus, metric="speech_quality").delete()
    again = actions.queue_extraction(corpus=campaign.corpus, metrics=["speech_quality"])
    run_extraction(again.pk)
    assert Rescoring.objects.get().fusion_model == model


def test_a_model_whose_files_are_gone_says_so(trained, settings, make_clip):
    import shutil

    campaign, model = trained
    make_clip("late", content_id="late")
    shutil.rmtree(settings.DUBSCORE_MODELS / model.folder)
    Rescoring.objects.all().delete()
    job = actions.queue_rescoring(model=model)
    run_rescoring(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED and "lacks member-0.safetensors" in job.error_text
    second = train(campaign, seed=1)
    (settings.DUBSCORE_MODELS / second.folder / "known.safetensors").unlink()
    with pytest.raises(ValidationError, match=r"lacks known\.safetensors"):
        actions.promote(model=second, is_forced=True, reason="a trial")


def test_a_training_gone_on_with_after_ratings_came_in_begins_anew(rated, monkeypatch):
    """Else members that know other labels would score clips out of fold that they were taught."""
    run = actions.ask_training(campaign=rated)
    TrainingRun.objects.filter(pk=run.pk).update(config=TINY)

    class Killed(BaseException):
        """As if by -9: nothing is tidied up."""

    done = []

    def die(self, frac, text="", **fields):
        done.append(frac)
        if frac > 0.7:
            raise Killed

    monkeypatch.setattr(Pulse, "progress", die)
    with pytest.raises(Killed):
        run_training(run.pk)
    monkeypatch.undo()
    label_the_rest(rated)
    TrainingRun.objects.filter(pk=run.pk).update(state="queued")
    run_training(run.pk)
    run.refresh_from_db()
    assert run.state == Job.State.DONE, run.error_text
    model = run.fusion_model
    folder = Path(settings.DUBSCORE_MODELS) / model.folder
    kept = {words_of(path)["fingerprint"] for path in folder.glob("member-*.safetensors")}
    assert kept == {model.data_fingerprint} and model.facts["n_labelled"] == 24
    assert len(list(folder.parent.glob(f"run-{run.pk}-*"))) == 1
    assert len({(p["fold"], p["stage"], p["epoch"]) for p in run.curves}) == len(run.curves)


def test_what_went_wrong_inside_is_told_without_a_trace(rated, monkeypatch):
    run = actions.ask_training(campaign=rated)
    monkeypatch.setattr("learner.actions.training.study_of", lambda run: 1 / 0)
    run_training(run.pk)
    run.refresh_from_db()
    assert "It broke on our side: ZeroDivisionError" in run.error_text
    assert "Traceback" not in run.error_text


def test_triggers_say_how_they_stand_and_can_be_switched_off(trained):
    campaign, _ = trained
    assert not why_train(campaign, "overall")
    assert {one.key: one.is_due for one in triggers(campaign, "overall")} == {
        "on_new_labels": False,
        "on_moved_weights": False,
        "on_drift": False,
    }
    label_the_rest(campaign)
    new = triggers(campaign, "overall")[0]
    assert new.is_due and "33% more clips" in new.text
    assert "33% more clips" in why_train(campaign, "overall")
    actions.set_policy(campaign=campaign, on_new_labels=False)
    assert not why_train(campaign, "overall")
    with pytest.raises(TypeError, match="no triggers"):
        actions.set_policy(campaign=campaign, on_full_moon=True)


def test_drift_is_found_on_clips_labelled_after_training(trained):
    campaign, model = trained
    label_the_rest(campaign)
    late = model.predictions.filter(is_out_of_fold=False)
    assert late.count() == 6
    found = {one.key: one for one in triggers(campaign, "overall")}["on_drift"]
    assert not found.is_due and "6 clips have a new MOS; 10 are needed" in found.text
    model.predictions.update(is_out_of_fold=False, dubscore_raw=1.0, epistemic_var=1e-6)
    model.predictions.update(aleatoric_var=1e-6)
    found = {one.key: one for one in triggers(campaign, "overall")}["on_drift"]
    assert found.is_due and "intervals at 90% held" in found.text


def test_weights_outside_their_old_intervals_call_for_training(trained):
    campaign, model = trained
    actions.ask_refit(campaign=campaign)
    run_refit(campaign.refits.get().pk)  # the same labels, the same weights
    weights = model.training_run.proxy_weights
    weights.fit |= {"low": [2.0] * 7, "learned": [2.5] * 7, "high": [3.0] * 7}
    weights.save()
    found = {one.key: one for one in triggers(campaign, "overall")}["on_moved_weights"]
    assert found.is_due and "weights left their old intervals" in found.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "taste"}, "no aspect 'taste'"),
        ({"preset": "huge"}, "no preset 'huge'"),
        ({"loss": "hinge"}, "no loss 'hinge'"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_a_training_that_makes_no_sense_is_refused(rated, changes, words):
    with pytest.raises(ValidationError, match=words):
        actions.ask_training(campaign=rated, **changes)


def test_one_training_at_a_time(rated):
    actions.ask_training(campaign=rated)
    with pytest.raises(ValidationError, match="is open: wait for it or cancel it"):
        actions.ask_training(campaign=rated)


def test_too_few_labels_are_refused_before_anything_is_queued(campaign, make_clip):
    make_clip("lonely")
    with pytest.raises(ValidationError, match="Training needs 8 clips"):
        actions.ask_training(campaign=campaign)
    assert not TrainingRun.objects.exists()


def test_models_of_other_aspects_speak_for_themselves(trained):
    campaign, overall = trained
    run = actions.ask_training(campaign=campaign, target="sync")
    TrainingRun.objects.filter(pk=run.pk).update(config=TINY)
    run_training(run.pk)
    sync = FusionModel.objects.get(training_run=run)
    assert model_in_use(campaign, "sync") == sync and model_in_use(campaign) == overall
    assert models_of(campaign, "sync") == [sync]
