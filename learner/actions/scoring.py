"""Scoring a clip that somebody asks about, of a corpus or brought along, by the model in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction

from annotator.models import Campaign, Clip
from learner.actions.checks import check_aspect
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.actions.measuring import measure, subject_of
from learner.actions.scored import result_of
from learner.actions.uploads import GONE, check_file, delete_files
from learner.actions.webhooks import check_webhook, tell
from learner.media.inspection import NoMedia, inspect
from learner.models import FusionModel, Scoring
from learner.selectors.registry import model_in_use

TEXTS_MOST = 20_000  # letters: some twenty minutes of speech


def ask_scoring(
    *,
    campaign: Campaign,
    target: str = "overall",
    clip: Clip | None = None,
    file: File | None = None,
    source: Clip | None = None,
    source_file: File | None = None,
    transcript: str = "",
    translation: str = "",
    language: str = "",
    source_language: str = "",
    webhook_url: str = "",
    asked_by: Any = None,
) -> Scoring:
    """Queue the scoring of a clip of the corpus, or of a file, which is put in its place here.

    Raises:
        ValidationError: there is no model in use, neither clip nor file or both, a clip is of
            another corpus or has no file, a file is empty or too large, or the webhook is none.
    """
    model = _model_for(campaign, target)
    _check_what(campaign, clip, file, source, source_file)
    texts = _checked({"transcript": transcript, "translation": translation})
    if webhook_url:
        check_webhook(webhook_url)
    scoring = Scoring(
        campaign=campaign,
        target=target,
        clip=clip,
        source=source,
        name=(clip.name if clip else Path(str(file.name)).name)[:200],
        language=language.strip(),
        source_language=source_language.strip(),
        webhook_url=webhook_url,
        asked_by=asked_by if getattr(asked_by, "is_authenticated", False) else None,
        fusion_model=model,
        progress_text="Waiting for a worker",
        **texts,
    )
    scoring.clean_fields(exclude=["file", "source_file"])
    return _keep(scoring, file, source_file)


def _model_for(campaign: Campaign, target: str) -> FusionModel:
    check_aspect(campaign, target)
    model = model_in_use(campaign, target)
    if model is None:
        raise ValidationError(
            f"No model of {campaign} is in use for {target!r} yet: collect ratings, launch a round "
            "or train the network, and promote a model."
        )
    return model


def _checked(texts: dict[str, str]) -> dict[str, str]:
    """The texts without blanks around them."""
    for name, words in texts.items():
        if len(words) > TEXTS_MOST:
            raise ValidationError(
                f"The {name} has {len(words)} letters; {TEXTS_MOST} are the most."
            )
    return {name: words.strip() for name, words in texts.items()}


def _check_what(
    campaign: Campaign,
    clip: Clip | None,
    file: File | None,
    source: Clip | None,
    source_file: File | None,
) -> None:
    if (clip is None) == (file is None):
        raise ValidationError("Give one of the two: a clip of the corpus, or a file.")
    if source is not None and source_file is not None:
        raise ValidationError("Give one source: a clip of the corpus, or a file.")
    if clip is not None and clip.source and (source or source_file):
        raise ValidationError(f"The source of {clip} is known already: leave it out.")
    for one in filter(None, (clip, source)):
        if one.corpus_id != campaign.corpus_id:
            raise ValidationError(f"{one} is of another corpus than {campaign}.")
        if not one.original:
            raise ValidationError(f"The video of {one} is not here: upload its file.")
    if clip is not None and source is not None and clip.pk == source.pk:
        raise ValidationError(f"{clip} cannot be its own source.")
    for what, given in (("file", file), ("source", source_file)):
        if given is not None:
            check_file(what, given)


def _keep(scoring: Scoring, file: File | None, source_file: File | None) -> Scoring:
    """Put files in their place, by a new name where that is possible, then queue the row."""
    try:
        for field, given in (("file", file), ("source_file", source_file)):
            if given is not None:
                getattr(scoring, field).save(Path(str(given.name)).name, given, save=False)
        with transaction.atomic():
            scoring.save()
            enqueue(scoring)
    except BaseException:  # whatever stops it: no row would ever lead to these files
        if scoring.file or scoring.source_file:
            delete_files(scoring)
        raise
    return scoring


def run_scoring(pk: int) -> None:
    """Measure, predict, keep what came of it, and tell whoever asked to be told."""
    rows = Scoring.objects.select_related("campaign__corpus", "clip__source", "source", "asked_by")
    scoring = rows.get(pk=pk)
    with running(scoring) as pulse:
        if pulse is None:
            return
        _run(scoring, pulse)
    tell(rows.get(pk=pk))


def _run(scoring: Scoring, pulse: Pulse) -> None:
    pulse.write(webhook_text="", progress_frac=0.01, progress_text="Looking at the file")
    model = model_in_use(scoring.campaign, scoring.target)
    if model is None:
        raise NotPossible("The model in use was taken away: promote one, and run this again.")
    warnings = _looked_at(scoring)
    clip = subject_of(scoring)
    pulse.check()
    pulse.write(progress_frac=0.1, progress_text="Metrics and encoders look at the clip")
    measured = measure(clip, model, pulse)
    pulse.check()
    pulse.write(progress_frac=0.92, progress_text="The network scores it")
    result = result_of(scoring, clip, model, measured, warnings)
    finish(pulse, _words(result), result=result, fusion_model=model)


def _looked_at(scoring: Scoring) -> list[str]:
    """What is wrong with the files that were brought, in words.

    Raises:
        NotPossible: one of them is no video, or was deleted.
    """
    if GONE in scoring.config:
        raise NotPossible("The upload was deleted because its time was over: upload it again.")
    found = []
    for what, field in (("", scoring.file), ("Source: ", scoring.source_file)):
        if field:
            try:
                found += [f"{what}{words}" for words in inspect(Path(field.path)).warnings]
            except NoMedia as reason:
                raise NotPossible(f"{what}{reason}") from reason
            except FileNotFoundError as lost:
                raise NotPossible(f"{what}The upload is lost: upload it again.") from lost
    return found


def _words(result: dict[str, Any]) -> str:
    score = f"DubScore {result['dubscore_raw']:.2f}"
    if result["low"] is not None:
        score += f" [{result['low']:.2f}, {result['high']:.2f}]"
    return score
