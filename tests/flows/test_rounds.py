"""A round from its launch to a trained network, with metrics and features that a test wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from annotator import actions as annotator
from annotator.models import Assignment, Clip
from learner import actions
from learner.actions.rounds import run_round
from learner.actions.simulation import rate_by_simulation
from learner.actions.training import run_training
from learner.models import (
    Extraction,
    FusionModel,
    Job,
    MetricScore,
    Prediction,
    ProxyWeights,
    Query,
    Round,
    TrainingRun,
)
from learner.registry import shelf
from learner.selectors.registry import model_in_use


def launch(campaign, **changes):
    wanted = {"strategy": "hybrid", "budget_ratings": 12, "ratings_per_clip": 2, "seed": 1}
    return actions.launch_round(campaign=campaign, **{**wanted, **changes})


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def test_a_round_goes_from_launch_to_a_trained_network(live, settings):
    round_ = launch(live)
    run_round(round_.pk)
    round_ = fresh(round_)
    assert (round_.stage, round_.state) == ("collecting", "waiting")
    assert Query.objects.filter(round=round_).count() == 6
    assert sum(query.is_reserve for query in round_.queries.all()) == 1
    assert round_.wave.assignments.count() == 12

    actions.follow_rounds()
    assert fresh(round_).progress_text == "0 of 12 ratings are in"
    rate_by_simulation(campaign=live, wave=round_.wave)
    actions.follow_rounds()
    assert (fresh(round_).stage, fresh(round_).state) == ("refitting", "queued")

    run_round(round_.pk)
    weights = ProxyWeights.objects.get(round=round_)
    assert weights.n_clips == 16 and len(weights.fit["weights"]) == len(shelf("metric").set_up())
    run = TrainingRun.objects.get(round=round_)
    TrainingRun.objects.filter(pk=run.pk).update(
        config={"epochs_ws": 2, "epochs_ft": 2, "width": 16, "layers": 1}
    )
    run_training(run.pk)
    assert fresh(run).state == "done", fresh(run).error_text
    actions.follow_rounds()
    assert (fresh(round_).stage, fresh(round_).state) == ("trained", "done")
    model = FusionModel.objects.get(training_run=run)
    names = [row["name"] for row in model.evaluation]
    assert names == [
        "Equal weights",
        "Best single metric",
        "Proxy MOS",
        "Network, on proxy MOS",
        "Network, on proxy MOS, then MOS",
        "DubScore",
    ]
    assert model.facts["n_labelled"] == 16 and model.facts["bytes"] > 10_000
    assert model_in_use(live).pk == model.pk  # the first one speaks for the campaign at once
    assert Prediction.objects.filter(fusion_model=model).count() == 24
    assert Prediction.objects.filter(is_out_of_fold=True).count() == 16


def test_every_step_taken_twice_is_taken_once(live):
    round_ = launch(live)
    for _ in range(2):
        run_round(round_.pk)
    assert round_.queries.count() == 6 and live.waves.count() == 2
    rate_by_simulation(campaign=live, wave=fresh(round_).wave)
    for _ in range(2):
        actions.follow_rounds()
        run_round(round_.pk)
    assert ProxyWeights.objects.filter(round=round_).count() == 1
    assert TrainingRun.objects.filter(round=round_).count() == 1


def test_a_round_never_asks_about_a_clip_that_was_asked_about(live):
    before = set(live.assignments.values_list("clip", flat=True))
    round_ = launch(live, budget_ratings=99)
    run_round(round_.pk)
    asked = set(round_.queries.values_list("clip", flat=True))
    assert asked.isdisjoint(before) and len(asked) == 14


def test_a_round_on_a_pool_without_clips_fails_with_the_reason(live):
    actions_round = launch(live, budget_ratings=99)
    run_round(actions_round.pk)
    actions.cancel_round(round_=fresh(actions_round))
    Assignment.objects.free().delete()
    for clip in live.pool().exclude(assignments__campaign=live):
        annotator.open_wave(campaign=live, label="rest", clips=[clip], ratings_per_clip=1)
    again = launch(live)
    run_round(again.pk)
    assert fresh(again).state == "failed"
    assert "none left to pick" in fresh(again).error_text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"strategy": "psychic"}, "There is no strategy 'psychic'"),
        ({"budget_ratings": 1}, "does not pay for one clip"),
        ({"target": "smell"}, "has no aspect 'smell'"),
    ],
)
def test_a_launch_that_makes_no_sense_is_refused_with_the_cure(live, changes, word):
    with pytest.raises(ValidationError, match=word):
        launch(live, **changes)
    assert Round.objects.count() == 0


def test_a_second_launch_is_refused_while_one_is_open(live):
    launch(live)
    with pytest.raises(ValidationError, match="Round 1 of Spring is still open"):
        launch(live)


def test_a_paused_campaign_launches_nothing(live):
    annotator.set_campaign_state(campaign=live, state="paused")
    with pytest.raises(ValidationError, match="is paused"):
        launch(live)


def test_closing_early_goes_on_with_what_is_in(live):
    round_ = launch(live)
    run_round(round_.pk)
    assert actions.close_round_early(round_=fresh(round_)) is True
    assert fresh(round_).stage == "refitting"
    assert not fresh(round_).wave.assignments.free().exists()
    assert actions.close_round_early(round_=fresh(round_)) is False


def test_cancelling_keeps_ratings_and_frees_the_campaign(live):
    round_ = launch(live)
    run_round(round_.pk)
    rated = live.assignments.rated().count()
    assert actions.cancel_round(round_=fresh(round_)) is True
    assert live.assignments.rated().count() == rated
    assert launch(live).number == 2


def test_missing_metrics_are_computed_before_clips_are_picked(live):
    MetricScore.objects.filter(clip__name="dub-03").delete()
    round_ = launch(live)
    run_round(round_.pk)
    extraction = Extraction.objects.get()
    assert fresh(round_).state == "waiting" and "computed first" in fresh(round_).progress_text
    Extraction.objects.filter(pk=extraction.pk).update(state="done")
    actions.follow_rounds()
    assert (fresh(round_).stage, fresh(round_).state) == ("picking", "queued")


def test_the_same_seed_picks_the_same_clips(live):
    first = launch(live)
    run_round(first.pk)
    picked = list(first.queries.values_list("clip", flat=True))
    actions.cancel_round(round_=fresh(first))
    Assignment.objects.filter(wave=fresh(first).wave).delete()
    second = launch(live)
    run_round(second.pk)
    assert list(second.queries.values_list("clip", flat=True)) == picked


# Jobs


def make_stale(job, attempt=1):
    type(job).objects.filter(pk=job.pk).update(
        state="running",
        owner="dead-worker",
        attempt=attempt,
        heartbeat_at=timezone.now() - timedelta(hours=1),
    )


def test_the_job_of_a_dead_worker_goes_back_to_the_queue(live):
    round_ = launch(live)
    make_stale(round_)
    assert actions.recover_jobs() == 1
    assert (fresh(round_).state, fresh(round_).owner) == ("queued", "")


def test_a_job_that_kills_every_worker_is_given_up_with_the_reason(live, settings):
    round_ = launch(live)
    make_stale(round_, attempt=settings.DUBSCORE_MAX_ATTEMPTS)
    actions.recover_jobs()
    assert fresh(round_).state == "failed"
    assert "died 5 times" in fresh(round_).error_text


def test_a_job_with_a_fresh_heartbeat_is_left_alone(live):
    round_ = launch(live)
    make_stale(round_)
    Round.objects.filter(pk=round_.pk).update(heartbeat_at=timezone.now())
    actions.recover_jobs()
    assert fresh(round_).state == "running"


def test_of_two_workers_one_gets_the_job(live):
    launch(live)
    first = Round.objects.all().claim(owner="one")
    second = Round.objects.all().claim(owner="two")
    assert (first, second) == (1, 0)
    assert Round.objects.get().owner == "one"


def test_a_worker_that_lost_its_job_writes_nothing_more(live):
    from learner.actions.jobs import JobStopped, running

    round_ = launch(live)
    with running(round_) as pulse:
        Round.objects.filter(pk=round_.pk).update(owner="another")
        with pytest.raises(JobStopped):
            pulse.write(progress_text="too late")
        raise JobStopped("as the work would")
    assert fresh(round_).progress_text != "too late"
    assert (fresh(round_).owner, fresh(round_).state) == ("another", "running")


def test_what_goes_wrong_in_a_job_is_kept_with_it_and_can_be_run_again(live):
    round_ = launch(live)
    Round.objects.filter(pk=round_.pk).update(strategy="gone")
    run_round(round_.pk)
    assert fresh(round_).state == "failed" and "no strategy" in fresh(round_).error_text
    assert actions.run_again(job=fresh(round_)) is True
    assert fresh(round_).state == Job.State.QUEUED


def test_a_round_whose_training_failed_goes_on_with_it(live):
    round_ = launch(live)
    run_round(round_.pk)
    rate_by_simulation(campaign=live, wave=fresh(round_).wave)
    actions.follow_rounds()
    run_round(round_.pk)
    run = TrainingRun.objects.get(round=round_)
    TrainingRun.objects.filter(pk=run.pk).update(state="failed", error_text="out of memory")
    actions.follow_rounds()
    assert fresh(round_).state == "failed" and "out of memory" in fresh(round_).error_text
    assert actions.run_again(job=fresh(round_)) is True
    assert (fresh(round_).state, fresh(run).state) == ("waiting", "queued")
    TrainingRun.objects.filter(pk=run.pk).update(state="failed", error_text="again")
    actions.follow_rounds()
    assert actions.run_again(job=fresh(run)) is True
    assert (fresh(round_).state, fresh(run).state) == ("waiting", "queued")


def test_a_round_that_was_cancelled_while_it_collected_stays_cancelled(live):
    round_ = launch(live)
    run_round(round_.pk)
    assert actions.cancel_round(round_=fresh(round_)) is True
    with pytest.raises(ValidationError, match="launch another round"):
        actions.run_again(job=fresh(round_))
    assert fresh(round_).state == "cancelled"


def test_a_round_all_of_whose_clips_broke_learns_nothing(live):
    round_ = launch(live)
    run_round(round_.pk)
    asked = Query.objects.filter(round=round_).values("clip")
    Clip.objects.filter(pk__in=asked).update(state="broken", state_reason="no sound")
    actions.follow_rounds()
    assert fresh(round_).state == "failed" and "marked as broken" in fresh(round_).error_text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"budget_ratings": 10**30}, "less than or equal"),
        ({"reserve_frac": 2}, "less than or equal"),
        ({"reserve_frac": -1}, "greater than or equal"),
        ({"seed": -5}, "greater than or equal"),
        ({"ratings_per_clip": 10**9}, "less than or equal"),
    ],
)
def test_a_number_out_of_range_is_called_that(live, changes, word):
    with pytest.raises(ValidationError, match=word):
        launch(live, **changes)
    assert not Round.objects.exists()
