"""The proxy on a campaign's rows: frozen normalisations, fits, dry runs, stages and outcomes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from annotator.models import Clip
from learner import actions
from learner.actions.audits import run_audit
from learner.actions.dry_runs import run_dry_run
from learner.actions.extraction import inputs_key
from learner.actions.outcome import _advice, _error_so_far, outcome_of, proxy_of
from learner.actions.picking import strata_of
from learner.actions.plans import PAPER_SHARES, next_stage, read_shares, stage_of
from learner.actions.proxy import fit_proxy, run_refit, scored_pool
from learner.actions.rounds import run_round
from learner.actions.simulation import rate_by_simulation
from learner.models import (
    Audit,
    DryRun,
    Job,
    MetricScore,
    Normalisation,
    ProxyWeights,
    Refit,
    Round,
)
from learner.registry import shelf
from tests.ratings import give_rating

ASK = {"strategy": "d_optimal", "budget_ratings": 12, "ratings_per_clip": 2, "seed": 3}


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def add_metrics(clip, shift=0.0):
    for card in shelf("metric").cards().values():
        MetricScore.objects.create(
            clip=clip,
            metric=card.name,
            version=card.version,
            inputs_key=inputs_key(card, clip),
            value=shift,
        )


# The frozen normalisation


def test_scores_of_old_clips_stay_when_clips_are_added(live, make_clip):
    before = scored_pool(live)
    add_metrics(make_clip("late"), shift=99.0)
    after = scored_pool(live)
    assert after.normalisation == before.normalisation and after.normalisation.n_clips == 24
    rows = [after.table.clips.index(clip) for clip in before.table.clips]
    assert np.array_equal(after.filled.values[rows], before.filled.values)


def test_normalising_anew_is_asked_for_and_the_old_one_stays_with_its_weights(live, make_clip):
    old = ProxyWeights.objects.create(
        campaign=live, target="overall", **fit_proxy(live, "overall", seed=1)
    )
    said = proxy_of(old, list(live.pool())[:3]).mos_raw.tolist()
    for number in range(3):
        add_metrics(make_clip(f"late-{number}"), shift=40.0 + number)
    renewed = scored_pool(live, is_renewed=True)
    assert (renewed.normalisation.version, renewed.normalisation.n_clips) == (2, 27)
    again = proxy_of(old, list(live.pool().filter(name__startswith="dub"))[:3])
    assert again.mos_raw.tolist() == said


def test_another_version_of_a_metric_makes_another_normalisation(live):
    first = scored_pool(live).normalisation
    MetricScore.objects.filter(metric="speech_quality").delete()
    second = scored_pool(live).normalisation
    assert (first.version, second.version) == (1, 2)
    assert len(second.metrics) == len(first.metrics) - 1


@pytest.mark.parametrize("kind", ["rank-gauss", "z", "robust"])
def test_every_normalisation_can_be_fitted_with(live, kind):
    values = fit_proxy(live, "overall", seed=1, kind=kind)
    assert values["normalisation"].kind == kind and values["n_clips"] == 10


# Refits


def test_a_refit_makes_one_fit_however_often_it_is_run(live):
    refit = actions.ask_refit(campaign=live, method="shrunk")
    for _ in range(2):
        run_refit(refit.pk)
    assert fresh(refit).state == "done"
    weights = ProxyWeights.objects.get()
    assert weights == fresh(refit).proxy_weights and weights.method == "shrunk"
    assert weights.n_ratings == 20 and weights.as_fit().n == 10


def test_a_refit_by_command_prints_weights_or_json(live, capsys):
    call_command("refit", "Spring", "--json")
    fit = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(fit["weights"]) == len(fit["metrics"])
    call_command("refit", "Spring", "--method", "equal")
    assert "speech_quality" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no campaign 'Autumn'. There are: Spring"):
        call_command("refit", "Autumn")
    with pytest.raises(CommandError, match="no aspect 'taste'"):
        call_command("refit", "Spring", "--aspect", "taste")


def test_a_campaign_without_metrics_says_where_to_look(live):
    MetricScore.objects.all().delete()
    refit = actions.ask_refit(campaign=live)
    run_refit(refit.pk)
    assert fresh(refit).state == "failed"
    assert "No metric has a value for any clip" in fresh(refit).error_text
    assert "Traceback" not in fresh(refit).error_text


# Dry runs


def test_a_dry_run_asks_nobody_and_a_launch_then_asks_the_same(live):
    before = live.assignments.count()
    tried = actions.ask_dry_run(campaign=live, **ASK)
    run_dry_run(tried.pk)
    tried = fresh(tried)
    assert tried.state == "done" and live.assignments.count() == before
    assert not Round.objects.exists()
    assert len(tried.picks) == 6 and len(tried.pool["points"]) == 24
    assert sum(point["rank"] is not None for point in tried.pool["points"]) == 6
    round_ = actions.launch_round(campaign=live, **ASK)
    run_round(round_.pk)
    asked = round_.queries.order_by("rank").values_list("clip__public_id", "reason", "is_reserve")
    assert list(asked) == [(p["clip"], p["reason"], p["is_reserve"]) for p in tried.picks]


def test_a_dry_run_by_command_names_each_clip_and_why(live, capsys):
    call_command("al_round", "Spring", "--ratings", "6", "--per-clip", "2", "--dry-run")
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 3 and all("dub-" in line and line.endswith(".") for line in lines)
    assert not Round.objects.exists()


def test_a_broken_clip_is_never_picked(live):
    broken = live.pool().exclude(assignments__campaign=live).order_by("name")[:5]
    Clip.objects.filter(pk__in=[clip.pk for clip in broken]).update(
        state="broken", state_reason="It stops."
    )
    tried = actions.ask_dry_run(campaign=live, **{**ASK, "budget_ratings": 99})
    run_dry_run(tried.pk)
    picked = {pick["name"] for pick in fresh(tried).picks}
    assert len(picked) == 9 and picked.isdisjoint({clip.name for clip in broken})


# Rounds by command


def test_rounds_are_launched_and_ended_from_the_shell(live, capsys):
    call_command("al_round", "Spring", "--ratings", "4", "--per-clip", "2")
    round_ = Round.objects.get()
    assert round_.strategy == "d_optimal"
    with pytest.raises(CommandError, match="Round 1 of Spring is still open"):
        call_command("al_round", "Spring")
    call_command("al_round", "Spring", "--cancel", "1")
    assert fresh(round_).state == "cancelled"
    with pytest.raises(CommandError, match="too late"):
        call_command("al_round", "Spring", "--close", "1")
    with pytest.raises(CommandError, match="has no round 7"):
        call_command("al_round", "Spring", "--cancel", "7")


# Stages


def test_the_papers_stages_spend_the_budget_once():
    stages = [stage_of(1350, PAPER_SHARES, stage)["budget_ratings"] for stage in (1, 2, 3)]
    assert stages == [446, 445, 459] and sum(stages) == 1350
    assert next_stage(stage_of(90, PAPER_SHARES, 3)) is None and next_stage({}) is None


@pytest.mark.parametrize(
    "text", ["66, 33, 100", "33, 66", "0, 100", "a third", "33, 66, 120", "nan"]
)
def test_stages_that_do_not_ascend_to_the_whole_are_refused(text):
    with pytest.raises(ValidationError, match="tages"):
        read_shares(text)


def test_a_round_of_a_plan_asks_for_its_stage_alone(live):
    asked = {**ASK, "budget_ratings": 20}
    round_ = actions.launch_round(campaign=live, **asked, shares=[0.5, 1.0], stage=2)
    assert round_.budget_ratings == 10 and round_.plan["total"] == 20
    with pytest.raises(ValidationError, match="2 stages has no stage 3"):
        actions.ask_dry_run(campaign=live, **asked, shares=[0.5, 1.0], stage=3)
    with pytest.raises(ValidationError, match="Stage 3 of what"):
        actions.ask_dry_run(campaign=live, **asked, stage=3)
    with pytest.raises(ValidationError, match="Stage 1 of a plan of 20 ratings would ask for none"):
        actions.ask_dry_run(campaign=live, **asked, shares=[0.01, 1.0])
    with pytest.raises(ValidationError, match="random share must lie between 0 and 1, and nan"):
        actions.ask_dry_run(campaign=live, **{**asked, "reserve_frac": float("nan")})


# Kinds


def test_traits_are_left_out_until_kinds_are_no_more_than_picks(live):
    clips = list(live.pool())
    assert set(strata_of(clips, 10)) == {"clean", "noise", "wrong_voice", "flat_prosody"}
    assert set(strata_of(clips, 3)) == {""}
    for number, clip in enumerate(clips):
        clip.duration_s, clip.speaker = 3.0 + number, f"s{number}"
    assert len(set(strata_of(clips, 12))) == 12  # condition by length, no speaker
    assert len(set(strata_of(clips, 24))) == 24


# Outcomes


def collect(live, **changes):
    round_ = actions.launch_round(campaign=live, **{**ASK, **changes})
    run_round(round_.pk)
    rate_by_simulation(campaign=live, wave=fresh(round_).wave)
    return fresh(round_)


def test_a_round_is_judged_by_the_proxy_that_was_there_before_it(live):
    before = ProxyWeights.objects.create(
        campaign=live, target="overall", **fit_proxy(live, "overall", seed=1)
    )
    round_ = collect(live, reserve_frac=1.0)
    outcome = outcome_of(round_, fit_proxy(live, "overall", seed=1))
    assert outcome["before"] == before.pk
    assert (outcome["n_clips"], outcome["n_clips_before"]) == (16, 10)
    if not before.fit["line"]["reason"]:
        reserve = outcome["judged"]["reserve"]
        assert reserve["n"] == 6 and 0 <= reserve["picp"] <= 1
        assert outcome["error"]["n"] == 6 and outcome["error"]["mae"] == pytest.approx(
            np.mean(reserve["errors"])
        )
    assert json.loads(json.dumps(outcome)) == outcome
    actions_said = [step["action"] for step in outcome["advice"]]
    assert actions_said[0] == "retrain" and actions_said[-1] in {"another_round", "stop"}
    assert all(step["reason"].endswith(".") for step in outcome["advice"])


def test_the_first_round_has_nothing_before_it_and_says_what_comes_next(live):
    round_ = collect(live, budget_ratings=24, shares=[0.5, 1.0])
    outcome = outcome_of(round_, fit_proxy(live, "overall", seed=1))
    assert outcome["before"] is None and outcome["moved"] == []
    assert outcome["advice"][-1]["reason"] == "Stage 2 of 2 of the plan is next: 12 ratings."


def found(**changes):
    usual = {
        "error": {"n": 60, "mae": 0.4, "half_width": 0.2},
        "judged": {},
        "moved": [],
        "retrain": "",
        "pcc": {"pcc": 0.7},
        "pcc_before": {"pcc": 0.6},
    }
    return {**usual, **changes}


@pytest.mark.parametrize(
    ("changes", "action", "words"),
    [
        ({}, "stop", "no weight moved"),
        ({"error": {"n": 9, "mae": 0.4, "half_width": None}}, "another_round", "not known yet"),
        ({"error": {"n": 60, "mae": 1.6, "half_width": 0.2}}, "another_round", "1.60 ± 0.20"),
        (
            {"error": {"n": 60, "mae": 1.6, "half_width": 0.2}, "pcc": {"pcc": 0.6}},
            "stop",
            "more labels no longer help",
        ),
        ({"moved": ["speech_quality"]}, "another_round", "0.40 ± 0.20"),
        ({"judged": {"reserve": {"holds": False}}}, "another_round", "0.40 ± 0.20"),
    ],
)
def test_stopping_is_advised_where_more_labels_would_change_nothing(changes, action, words):
    last = _advice(Round(plan={}), found(**changes))[-1]
    assert last["action"] == action and words in last["reason"]


def test_reserves_of_all_rounds_count_for_the_error(live):
    first = collect(live, budget_ratings=4, reserve_frac=1.0)
    Round.objects.filter(pk=first.pk).update(
        state="done", outcome={"judged": {"reserve": {"errors": [0.5] * 30}}}
    )
    second = actions.launch_round(campaign=live, **ASK)
    error = _error_so_far(second, {"reserve": {"errors": [0.5, 0.3]}})
    assert error["n"] == 32 and 0.4 < error["mae"] < 0.5 and error["half_width"] > 0


def test_a_round_with_too_few_labels_for_a_network_ends_with_its_weights(live):
    round_ = collect(live)
    Clip.objects.exclude(pk__in=round_.queries.values("clip")[:4]).update(
        state="broken", state_reason="It stops."
    )
    actions.follow_rounds()
    run_round(round_.pk)
    round_ = fresh(round_)
    assert (round_.stage, round_.state) == ("refitting", "done"), round_.error_text
    assert "Training needs" in round_.progress_text and round_.outcome["n_clips"] == 4
    assert ProxyWeights.objects.get(round=round_).n_clips == 4


def test_raters_noise_is_not_made_up_where_no_clip_has_two_ratings(campaign, make_clip):
    for number in range(12):
        clip = make_clip(f"dub-{number:02d}")
        add_metrics(clip, shift=float(number % 5))
        give_rating(campaign.memberships.get(user__username="bob"), clip, 1 + number % 5)
    values = fit_proxy(campaign, "overall", seed=1)
    assert values["fit"]["rating_var"] is None
    assert any("noise of raters is not known" in words for words in values["fit"]["warnings"])
    weights = ProxyWeights(campaign=campaign, target="overall", **values)
    if not weights.fit["line"]["reason"]:
        assert "as many ratings" in proxy_of(weights, list(campaign.pool()), k_ratings=3).target


# Audits


def test_an_audit_of_too_few_labels_says_how_many_more_it_needs(live):
    audit = actions.ask_audit(campaign=live)
    run_audit(audit.pk)
    audit = fresh(audit)
    assert audit.state == "failed"
    assert audit.error_text == "10 clips have a MOS and 40 are needed to replay them: rate 30 more."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_replays": 29}, "29 replays: take 30 to 1000"),
        ({"strategy": "magic"}, "no strategy 'magic'"),
        ({"strategy": "random"}, "tells nothing"),
        ({"target": "taste"}, "no aspect 'taste'"),
        ({"seed": -1}, "greater than or equal"),
    ],
)
def test_an_audit_that_makes_no_sense_is_refused(live, changes, words):
    with pytest.raises(ValidationError, match=words):
        actions.ask_audit(campaign=live, **changes)
    assert not Audit.objects.exists()


def test_a_second_audit_is_refused_while_one_is_open(live):
    actions.ask_audit(campaign=live)
    with pytest.raises(ValidationError, match="An audit of Spring is still open"):
        actions.ask_audit(campaign=live)


def test_jobs_of_every_kind_come_back_from_a_dead_worker(live):
    for job in (
        actions.ask_refit(campaign=live),
        actions.ask_audit(campaign=live),
        actions.ask_dry_run(campaign=live, **ASK),
    ):
        kind = type(job)
        kind.objects.filter(pk=job.pk).claim(owner="dead")
        kind.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00Z")
    assert actions.recover_jobs() == 3
    assert {job.state for kind in (Refit, Audit, DryRun) for job in kind.objects.all()} == {
        Job.State.QUEUED
    }
    assert Normalisation.objects.count() == 0
