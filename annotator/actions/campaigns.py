"""Opening campaigns and the places in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from annotator.models import Assignment, Campaign, Clip, Wave

STATES_AFTER = {
    Campaign.State.DRAFT: {Campaign.State.LIVE},
    Campaign.State.LIVE: {Campaign.State.PAUSED, Campaign.State.CLOSED},
    Campaign.State.PAUSED: {Campaign.State.LIVE, Campaign.State.CLOSED},
    Campaign.State.CLOSED: {Campaign.State.LIVE},
}


@transaction.atomic
def set_campaign_state(*, campaign: Campaign, state: str) -> Campaign:
    """Move a campaign on; going live for the first time opens its first wave."""
    before = Campaign.State(campaign.state)
    if state not in STATES_AFTER[before]:
        raise ValidationError(f"A campaign that is {before.label.lower()} cannot become {state!r}.")
    if not Campaign.objects.filter(pk=campaign.pk, state=before).update(state=state):
        raise ValidationError("Someone else has just changed this campaign. Look again.")
    campaign.state = state
    if before == Campaign.State.DRAFT:
        _open_first_wave(campaign)
    return campaign


def _open_first_wave(campaign: Campaign) -> None:
    clips = list(campaign.pool().order_by("name"))
    wanted = campaign.first_wave_clips
    if not campaign.rubric.aspects.exists():
        raise ValidationError(f"The rubric {campaign.rubric} asks nothing: add aspects first.")
    if not clips:
        raise ValidationError(
            f"The corpus {campaign.corpus} has no clip that can be rated: import some first."
        )
    if wanted == 0:
        return
    if wanted is not None and wanted < len(clips):
        drawn = np.random.default_rng(campaign.seed).permutation(len(clips))[:wanted]
        clips = [clips[index] for index in sorted(drawn)]
    open_wave(
        campaign=campaign,
        label=Wave.FIRST,
        clips=clips,
        ratings_per_clip=campaign.ratings_per_clip,
    )


@transaction.atomic
def open_wave(
    *, campaign: Campaign, label: str, clips: Iterable[Clip], ratings_per_clip: int
) -> Wave:
    """Open `ratings_per_clip` more places on each of these clips."""
    chosen = list(clips)
    if not chosen or ratings_per_clip < 1:
        raise ValueError(
            f"A wave needs clips and ratings, not {len(chosen)} clips with {ratings_per_clip} each."
        )
    unfit = [clip.name for clip in chosen if clip.state != Clip.State.READY]
    if unfit:
        raise ValueError(f"Broken clips cannot be rated: {', '.join(unfit[:5])}")
    number = (campaign.waves.aggregate(last=Max("number"))["last"] or 0) + 1
    wave = Wave.objects.create(campaign=campaign, number=number, label=label)
    last_place = dict(
        campaign.assignments.filter(clip__in=chosen)
        .order_by()
        .values_list("clip")
        .annotate(last=Max("place"))
    )
    Assignment.objects.bulk_create(
        [
            Assignment(campaign=campaign, wave=wave, clip=clip, place=place)
            for clip in chosen
            for place in _next_places(last_place.get(clip.pk), ratings_per_clip)
        ],
        batch_size=500,
    )
    return wave


def _next_places(last: int | None, wanted: int) -> range:
    first = (last or 0) + 1
    return range(first, first + wanted)
