"""MOS of systems with the network's help: which labels count, what is said, and to whom."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from annotator import actions as annotator
from learner import actions
from learner.actions.extraction import inputs_key
from learner.actions.rounds import run_round
from learner.actions.simulation import add_simulated_raters, rate_by_simulation
from learner.apps import give_researchers_their_permissions
from learner.models import (
    FusionModel,
    MetricScore,
    Normalisation,
    Prediction,
    Promotion,
    ProxyWeights,
    Round,
    TrainingRun,
)
from learner.registry import shelf
from learner.selectors import labelled_clips
from learner.selectors.powered import powered_systems, random_clips
from learner.selectors.registry import model_in_use
from mos.prediction_powered import powered_mean
from tests.ratings import give_rating

CONDITIONS = ["clean", "noise", "wrong_voice", "flat_prosody"]


@pytest.fixture
def films(campaign, make_clip):
    """Sixty dubs of thirty sources by two systems, thirty of them rated in the first wave."""
    for n in range(30):
        source = make_clip(f"film-{n:02d}")
        for system in ("acme", "basic"):
            make_clip(
                f"{system}-{n:02d}",
                source=source,
                system=system,
                condition=CONDITIONS[(n + (system == "acme")) % 4],
            )
    campaign.first_wave_clips = 30
    campaign.save()
    live = annotator.set_campaign_state(campaign=campaign, state="live")
    add_simulated_raters(campaign=live, wanted=3)
    rate_by_simulation(campaign=live, wave=live.waves.get())
    return live


@pytest.fixture
def researcher(alice, signed_in):
    """Alice's browser."""
    give_researchers_their_permissions()
    alice.groups.add(Group.objects.get(name="Researchers"))
    return signed_in(alice)


def train(campaign, clips=None, follows=1.0):
    """A network whose scores follow the condition of each clip, and so its MOS."""
    norm = Normalisation.objects.create(
        corpus=campaign.corpus,
        kind="z",
        version=Normalisation.objects.count() + 1,
        metrics=[],
        parameters={},
        moments={},
        n_clips=60,
    )
    weights = ProxyWeights.objects.create(
        campaign=campaign,
        target="overall",
        method="equal",
        is_better=False,
        metrics=[],
        normalisation=norm,
        fit={"reason": "", "agreements": []},
        n_clips=30,
    )
    run = TrainingRun.objects.create(campaign=campaign, proxy_weights=weights, state="done")
    model = FusionModel.objects.create(
        training_run=run,
        folder="run",
        config={},
        encoders=[],
        data_fingerprint="0",
        evaluation=[],
    )
    known = labelled_clips(campaign, "overall").mos
    random = np.random.default_rng(7)
    quality = dict(zip(CONDITIONS, (4.4, 2.6, 2.2, 3.0), strict=True))
    Prediction.objects.bulk_create(
        Prediction(
            fusion_model=model,
            clip=clip,
            dubscore_raw=3 + follows * (quality[clip.condition] - 3) + 0.1 * random.normal(),
            epistemic_var=0.1,
            aleatoric_var=0.1,
            is_out_of_fold=clip.pk in known,
        )
        for clip in (campaign.pool() if clips is None else clips)
    )
    Promotion.objects.create(
        campaign=campaign, target="overall", fusion_model=model, reason="for a test"
    )
    return model


def add_metrics(campaign):
    random = np.random.default_rng(2)
    MetricScore.objects.bulk_create(
        MetricScore(
            clip=clip,
            metric=card.name,
            version=card.version,
            inputs_key=inputs_key(card, clip),
            value=float(random.normal()),
        )
        for clip in campaign.corpus.clips.all()
        for card in shelf("metric").cards().values()
    )


def ask_round(campaign):
    """A round of ten clips, four of them in reserve, with its ratings."""
    actions.launch_round(
        campaign=campaign,
        strategy="random",
        budget_ratings=10,
        ratings_per_clip=1,
        reserve_frac=0.4,
        seed=campaign.rounds.count(),
    )
    run_round(campaign.rounds.first().pk)
    round_ = Round.objects.filter(campaign=campaign).first()
    rate_by_simulation(campaign=campaign, wave=round_.wave)
    Round.objects.filter(pk=round_.pk).update(state="done")
    return round_


def page_of(campaign, name="learner:powered"):
    return reverse(name, args=[campaign.public_id])


def test_the_first_wave_and_reserves_are_random_and_what_strategies_chose_is_not(films):
    first = set(films.waves.get().assignments.values_list("clip", flat=True))
    assert len(first) == 30 and random_clips(films) == first
    add_metrics(films)
    rounds = [ask_round(films), ask_round(films)]
    reserve = {query.clip_id for one in rounds for query in one.queries.filter(is_reserve=True)}
    assert len(reserve) == 8 and random_clips(films) == first | reserve
    found = powered_systems(films, train(films))
    assert found.rows[0].found.n == 38 and found.rows[0].found.n_others == 22
    assert found.n_chosen == 12 and found.n_unpredicted == 0


def test_a_reserve_that_another_round_chose_too_is_not_random(films):
    add_metrics(films)
    first, second = ask_round(films), ask_round(films)
    query = first.queries.filter(is_reserve=True).first()
    assert query.clip_id in random_clips(films)
    second.queries.create(clip=query.clip, rank=99, reason="chosen", is_reserve=False)
    assert query.clip_id not in random_clips(films)


def test_ratings_from_elsewhere_are_not_taken_for_random(films):
    films.waves.update(label="Imported")
    assert random_clips(films) == set()
    found = powered_systems(films, train(films))
    assert [row.found for row in found.rows] == [None, None, None] and found.n_chosen == 30


def test_rows_become_the_arrays_of_the_core(films):
    model = train(films)
    mos = labelled_clips(films, "overall").mos
    found = powered_systems(films, model)
    by_system = {row.system: row for row in found.rows}
    assert found.rows[0].system is None and set(by_system) == {None, "acme", "basic"}
    said = dict(model.predictions.values_list("clip", "dubscore_raw"))
    for system, row in by_system.items():
        clips = films.pool() if system is None else films.pool().filter(system=system)
        mine = [clip for clip in clips if clip.pk in mos]
        others = [clip for clip in clips if clip.pk not in mos]
        expected = powered_mean(
            [mos[clip.pk] for clip in mine],
            [said[clip.pk] for clip in mine],
            [said[clip.pk] for clip in others],
            sources_L=[clip.source_id for clip in mine],
            sources_U=[clip.source_id for clip in others],
        )
        assert row.n_clips == len(clips) and row.found.n_sources == expected.n_sources
        assert row.found.powered.low == pytest.approx(expected.powered.low)
    assert found.rows[0].found.width_ratio < 0.95 and found.rows[0].found.saved > 3
    assert found.rows[1].found.powered.mean > found.rows[2].found.powered.mean


def test_labels_that_came_after_the_training_count_and_clips_without_a_score_do_not(films, bob):
    pool = list(films.pool().order_by("name"))
    model = train(films, clips=pool[:-10])
    before = powered_systems(films, model)
    random_unscored = random_clips(films) & {clip.pk for clip in pool[-10:]}
    assert before.n_unpredicted == len(random_unscored) > 0
    assert before.rows[0].n_clips == 50
    mos = labelled_clips(films, "overall").mos
    clip = next(clip for clip in pool[:-10] if clip.pk not in mos)
    wave = films.waves.get()
    rater = films.memberships.get(user=bob)
    rating = give_rating(rater, clip, 5)
    assert rating.assignment.wave == wave
    after = powered_systems(films, model)
    assert after.rows[0].found.n == before.rows[0].found.n + 1
    assert after.rows[0].found.n_others == before.rows[0].found.n_others - 1


def test_the_network_promoted_last_speaks(films):
    assert model_in_use(films) is None
    train(films)
    last = train(films)
    assert model_in_use(films) == last


def test_without_systems_there_is_one_row(films):
    films.corpus.clips.update(system="")
    assert [row.system for row in powered_systems(films, train(films)).rows] == [None]


def test_before_any_training_the_page_says_so(films, researcher):
    page = researcher.get(page_of(films)).content.decode()
    assert "No network is trained yet" in page and "<table" not in page
    said = researcher.get(page_of(films, "api-powered")).json()
    assert said["model"] is None and said["rows"] == []


def test_the_page_shows_every_system_by_both_ways_and_the_overview_leads_there(films, researcher):
    model = train(films)
    page = researcher.get(page_of(films)).content.decode()
    for row in powered_systems(films, model).rows:
        one = row.found
        assert (
            f"{one.classical.mean:.2f}" in page
            and f'<td class="num" data-name="Clips">{row.n_clips}<' in page
        )
        if not one.reason:
            assert f"<b>{one.powered.mean:.2f}</b>" in page and f"× {one.width_ratio:.2f}" in page
    assert page.count('<svg class="chart in-row"') == 3 and "all clips" in page
    assert "simulated" in page
    overview = researcher.get(page_of(films, "learner:overview")).content.decode()
    assert f'href="{page_of(films)}"' in overview


def test_systems_with_few_labels_or_none_say_why(films, researcher):
    rated = random_clips(films)
    unrated = films.pool().exclude(pk__in=rated)
    films.corpus.clips.filter(pk__in=[clip.pk for clip in unrated[:3]]).update(system="new")
    films.corpus.clips.filter(pk__in=sorted(rated)[:4]).update(system="rare")
    train(films)
    page = researcher.get(page_of(films)).content.decode()
    assert "<b>new</b>: no clip that chance picked has a MOS." in page
    assert "are too few: 10 are needed" in page and "nan" not in page


def test_programs_get_the_same_with_null_where_there_is_no_number(films, researcher):
    rated = sorted(random_clips(films))
    films.corpus.clips.filter(pk=rated[0]).update(system="rare")
    model = train(films)
    answer = researcher.get(page_of(films, "api-powered"))
    assert answer.status_code == 200 and b"NaN" not in answer.content
    said, found = answer.json(), powered_systems(films, model)
    assert said["model"] == model.pk and said["target"] == "overall" and said["level"] == 0.95
    assert [row["system"] for row in said["rows"]] == [row.system for row in found.rows]
    whole = said["rows"][0]["found"]
    assert whole["powered"]["low"] == pytest.approx(found.rows[0].found.powered.low)
    rare = next(row for row in said["rows"] if row["system"] == "rare")["found"]
    assert rare["classical"]["low"] is None and rare["width_ratio"] is None and rare["reason"]
    schema = researcher.get("/api/schema/").content.decode()
    assert "/api/v1/campaigns/{campaign_id}/powered/" in schema and "PoweredMean" in schema


def test_raters_and_strangers_find_nothing_and_nobody_posts(
    films, researcher, signed_in, bob, charlie
):
    train(films)
    for name in ("learner:powered", "api-powered"):
        assert researcher.get(page_of(films, name)).status_code == 200
        assert researcher.post(page_of(films, name)).status_code == 405
        for who in (bob, charlie):
            assert signed_in(who).get(page_of(films, name)).status_code == 404


def test_the_page_asks_the_database_a_bounded_number_of_times(
    films, researcher, django_assert_max_num_queries
):
    train(films)
    with django_assert_max_num_queries(25):
        researcher.get(page_of(films))
