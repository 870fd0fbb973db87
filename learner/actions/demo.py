"""Setting the demo up, step by step; every step looks first whether it has been taken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from tqdm import tqdm

from annotator.actions import import_clips, open_wave, set_campaign_state
from annotator.manifest import read_listing
from annotator.models import Campaign, Corpus, Membership, Rubric
from learner.actions.extraction import queue_extraction
from learner.actions.jobs import Pulse, stopping
from learner.actions.rounds import launch_round
from learner.actions.simulation import add_simulated_raters, rate_by_simulation
from learner.apps import RESEARCHERS
from learner.models import Round

NAME = "Demo"
RATER, RESEARCHER, PASSWORD = "rater", "researcher", "dubscore-demo"  # noqa: S105 (shown to all)
SIMULATED_RATERS, RATINGS_PER_CLIP, SEED = 8, 3, 2026
YOURS = "For you"
YOUR_CLIPS = 12

Bar = Callable[[int, int], None]


def set_up_demo() -> Campaign:
    """Make the corpus, the campaign, its simulated ratings and a first round; resumes by itself."""
    corpus = _corpus()
    campaign = _campaign(corpus)
    _rate_first_wave(campaign)
    _first_round(campaign)
    _places_for_the_visitor(campaign)
    return campaign


def is_set_up() -> bool:
    """Whether everything is there already."""
    return Campaign.objects.filter(name=NAME, waves__label=YOURS).exists()


@contextmanager
def _progress(title: str, unit: str) -> Iterator[Bar]:
    with tqdm(desc=f"{title:<24}", unit=unit) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _corpus() -> Corpus:
    """The clips: real ones where DUBSCORE_DATA names a folder of them, else made here."""
    data = os.environ.get("DUBSCORE_DATA", "")
    listing = Path(data) / "clips" if data else _made_clips()
    corpus, _ = Corpus.objects.get_or_create(
        name="demo-real" if data else "demo",
        defaults={"description": "Real clips" if data else "Made clips with planted faults"},
    )
    rows = read_listing(listing)
    with _progress("Importing clips", "clip") as show:
        done = 0

        def tell(outcome: object) -> None:
            nonlocal done
            done += 1
            show(done, len(rows))

        outcomes = import_clips(corpus=corpus, rows=rows, tell=tell)
    for outcome in outcomes:
        if outcome.what == "refused":
            tqdm.write(f"refused: {outcome.name}: {outcome.reason}")
    return corpus


def _made_clips() -> Path:
    from learner.demo.clips import make_demo_clips

    with _progress("Making demo clips", "clip") as show:
        return make_demo_clips(
            settings.DUBSCORE_VAR / "demo-clips", settings.DUBSCORE_WEIGHTS / "demo", show
        )


def _campaign(corpus: Corpus) -> Campaign:
    campaign, is_new = Campaign.objects.get_or_create(
        name=NAME,
        defaults={
            "corpus": corpus,
            "rubric": Rubric.objects.order_by("pk").last(),
            "ratings_per_clip": RATINGS_PER_CLIP,
            "first_wave_clips": max(8, corpus.clips.filter(dubs=None).count() // 2),
            "seed": SEED,
            "instructions": "Short dubbed clips, English and Hindi. You need not know both "
            "languages. Please use headphones.",
        },
    )
    _people(campaign)
    if campaign.state == Campaign.State.DRAFT:
        set_campaign_state(campaign=campaign, state=Campaign.State.LIVE)
    return campaign


def _people(campaign: Campaign) -> None:
    roles = {RATER: Membership.Role.RATER, RESEARCHER: Membership.Role.RESEARCHER}
    for name, role in roles.items():
        user, is_new = User.objects.get_or_create(username=name)
        if is_new:
            user.set_password(PASSWORD)
            user.is_staff = role == Membership.Role.RESEARCHER
            user.save()
        if role == Membership.Role.RESEARCHER:
            user.groups.add(Group.objects.get(name=RESEARCHERS))
        Membership.objects.get_or_create(campaign=campaign, user=user, role=role)
    add_simulated_raters(campaign=campaign, wanted=SIMULATED_RATERS)


def _rate_first_wave(campaign: Campaign) -> None:
    wave = campaign.waves.order_by("number").first()
    if wave is not None:
        _simulate(campaign, wave, "Simulated ratings")


def _simulate(campaign: Campaign, wave: object, title: str) -> None:
    free = campaign.assignments.filter(wave=wave).free().count()
    if free:
        with _progress(title, "rating") as show:
            rate_by_simulation(campaign=campaign, wave=wave, tell=lambda n: show(n, free))


def _first_round(campaign: Campaign) -> None:
    """Compute metrics, launch a round, let simulated raters answer, learn and train."""
    if campaign.rounds.filter(stage=Round.Stage.TRAINED).exists():
        return
    queue_extraction(corpus=campaign.corpus)
    _work("Computing metrics")
    left = campaign.pool().exclude(assignments__campaign=campaign).count()
    if not campaign.rounds.unfinished().exists():
        launch_round(
            campaign=campaign,
            strategy="hybrid",
            budget_ratings=RATINGS_PER_CLIP * max(1, left // 2),
            ratings_per_clip=RATINGS_PER_CLIP,
            seed=SEED,
        )
    _work("Choosing clips")
    round_ = campaign.rounds.latest("number")
    if round_.wave:
        _simulate(campaign, round_.wave, "Simulated ratings")
    _work("Learning and training")


def _work(title: str) -> None:
    """Let a worker do what is queued, with a bar that starts anew with each job."""
    with _progress(title, "%") as show:
        Pulse.watcher = lambda frac: show(round(100 * frac), 100)
        try:
            call_command("worker", until_idle=True, interval=0.2, stdout=StringIO())
        finally:
            Pulse.watcher = None
    if stopping.is_set():  # Ctrl-C was for the whole demo
        raise KeyboardInterrupt


def _places_for_the_visitor(campaign: Campaign) -> None:
    """A place on some clips for whoever signs in as the rater."""
    if not campaign.waves.filter(label=YOURS).exists():
        rated = campaign.pool().filter(assignments__campaign=campaign).distinct()
        clips = list(rated.order_by("public_id")[:YOUR_CLIPS])
        open_wave(campaign=campaign, label=YOURS, clips=clips, ratings_per_clip=1)
