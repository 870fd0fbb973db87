"""Bringing ratings in that were collected elsewhere, with clips whose files are not here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from uuid import UUID, uuid5

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from annotator.actions.verdicts import judge_rater
from annotator.models import (
    Aspect,
    Assignment,
    Campaign,
    Clip,
    Corpus,
    Membership,
    Rating,
    Rubric,
    Score,
    Wave,
)
from annotator.rating_files import GivenClip, GivenRating, GivenRatings

PAIRS_A_BLOCK = 2000  # of a clip and a rater, in one transaction: other writers wait for so long
ORIGIN = "imported_from"  # in a rating's evidence
WAVE = "Imported"
KEYS = UUID("6f8d2a44-0f0e-4a43-9a0c-5f1c3a1d7b11")
SCALE_WORDS = ["Excellent", "Good", "Fair", "Poor", "Bad"]

Pair = tuple[int, int]  # clip and rater


@dataclass(frozen=True)
class RatingsOutcome:
    """How many ratings came in, how many of these revise another, and how many were here."""

    new: int
    revised: int
    known: int


def import_ratings(
    *,
    given: GivenRatings,
    campaign_name: str,
    corpus_name: str,
    origin: str,
    by: User | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Campaign, RatingsOutcome]:
    """Keep ratings from elsewhere in a closed campaign of their own.

    Ratings are kept in blocks, each whole or not at all; what is here already is not kept again, so
    that an import which was cut off goes on where it stood. A rating that differs from the one kept
    for the same clip and rater is a revision of it.

    Args:
        given: As read from a file.
        campaign_name, corpus_name: Made where there are none.
        origin: What the ratings' evidence names as where they come from.
        by: Who studies the campaign, and takes over the verdicts on rejected raters.
        tell: Called with pairs of clip and rater that are done, and all there are.

    Raises:
        ValidationError: the campaign has ratings that were collected here or another rubric, a
            label is too long, raters are rejected and nobody takes that over, or another import
            into the same campaign is under way.
    """
    if given.rejected and by is None:
        raise ValidationError(
            f"{len(given.rejected)} raters are rejected in {origin}, such as "
            f"{min(given.rejected)}: say who takes that verdict over (--researcher)."
        )
    try:
        with transaction.atomic():
            campaign = _campaign(campaign_name, corpus_name, given.aspects, by)
            clips = _clips(campaign.corpus, given.clips)
            raters = _raters(campaign, given.raters)
        outcome = _Import(campaign, clips, raters, origin).run(given, tell)
    except IntegrityError as race:
        raise ValidationError(
            f"Another import into {campaign_name} was under way: import again, nothing is doubled."
        ) from race
    if by is not None:
        _reject([raters[name] for name in sorted(given.rejected)], f"rejected in {origin}", by)
    return campaign, outcome


def _reject(raters: list[Membership], reason: str, by: User) -> None:
    for rater in raters:
        if not rater.is_rejected:
            judge_rater(rater=rater, is_accepted=False, reason=reason, by=by)


def _campaign(name: str, corpus_name: str, aspects: list[str], by: User | None) -> Campaign:
    campaign = Campaign.objects.filter(name=name).first()
    if campaign is None:
        corpus, _ = Corpus.objects.get_or_create(name=corpus_name)
        campaign = Campaign(
            name=name, corpus=corpus, rubric=_rubric(name, aspects), state=Campaign.State.CLOSED
        )
        campaign.full_clean()
        campaign.save()
        Wave.objects.create(campaign=campaign, number=1, label=WAVE)
    elif campaign.waves.exclude(label=WAVE).exists() or not campaign.waves.exists():
        raise ValidationError(f"{name} collects ratings here: import into a campaign of its own.")
    keys = set(campaign.rubric.aspects.values_list("key", flat=True))
    odd = sorted(set(_keys(aspects).values()) - keys)
    if odd:
        raise ValidationError(f"{name} does not ask for {', '.join(odd)}: take another campaign.")
    if by is not None:
        Membership.objects.get_or_create(
            campaign=campaign, user=by, role=Membership.Role.RESEARCHER
        )
    return campaign


def _keys(aspects: list[str]) -> dict[str, str]:
    """Name of an aspect in the file to its key."""
    keys = {name: slugify(name)[:40] or f"aspect-{n}" for n, name in enumerate(aspects, start=1)}
    doubled = [key for key, n in Counter(keys.values()).items() if n > 1]
    if doubled:
        raise ValidationError(f"Several aspects would be called {doubled[0]}: rename one.")
    return keys


def _rubric(name: str, aspects: list[str]) -> Rubric:
    """One that asks just this; in the words of a rubric that is here where it asks the same."""
    keys = _keys(aspects)
    for rubric in Rubric.objects.order_by("pk"):
        if list(rubric.aspects.values_list("key", flat=True)) == list(keys.values()):
            return rubric
    rubric = Rubric.objects.create(name=f"{name}, imported"[:120])
    for position, (given_name, key) in enumerate(keys.items(), start=1):
        like = Aspect.objects.filter(key=key).order_by("pk").first()
        Aspect.objects.create(
            rubric=rubric,
            key=key,
            position=position,
            name=like.name if like else given_name[:120],
            question=like.question if like else "",
            scale_words=like.scale_words if like else SCALE_WORDS,
        )
    return rubric


def _clips(corpus: Corpus, given: Mapping[str, GivenClip]) -> dict[str, Clip]:
    """By name; those that are not here come in without a file."""
    known = {clip.name: clip for clip in corpus.clips.all()}
    new = [
        Clip(
            corpus=corpus,
            name=clip.name,
            state=Clip.State.ABSENT,
            duration_s=0,
            width=0,
            height=0,
            **dict(clip.known),
        )
        for clip in given.values()
        if clip.name not in known
    ]
    for clip in new:
        _check(clip)
    known |= {clip.name: clip for clip in Clip.objects.bulk_create(new)}
    dubs = [clip for clip in new if given[clip.name].source]
    for clip in dubs:
        clip.source = known[given[clip.name].source]
    Clip.objects.bulk_update(dubs, ["source"], batch_size=500)
    return known


def _check(clip: Clip) -> None:
    """What the table cannot hold is refused with the clip's name."""
    try:
        clip.clean_fields(exclude=["original", "rendition", "corpus"])
    except ValidationError as error:
        faults = (f"{field}: {' '.join(words)}" for field, words in error.message_dict.items())
        raise ValidationError(f"The clip {clip.name}: {'; '.join(faults)}") from error


def _raters(campaign: Campaign, given: Mapping[str, bool]) -> dict[str, Membership]:
    """By name; new ones join in the order of their names, and can never sign in."""
    usernames = {name: _username(name, campaign) for name in given}
    known = {
        membership.user.username: membership
        for membership in campaign.memberships.filter(role=Membership.Role.RATER).select_related(
            "user"
        )
    }
    new = sorted((name for name in given if usernames[name] not in known), key=_natural)
    users = User.objects.bulk_create(
        User(
            username=usernames[name],
            first_name=name,
            password=make_password(None),
            is_active=False,
        )
        for name in new
    )
    joined = Membership.objects.bulk_create(
        Membership(campaign=campaign, user=user, role="rater", is_simulated=given[name])
        for name, user in zip(new, users, strict=True)
    )
    known |= {user.username: one for user, one in zip(users, joined, strict=True)}
    return {name: known[username] for name, username in usernames.items()}


def _username(name: str, campaign: Campaign) -> str:
    """The same for the same rater of the same campaign, whatever the name is made of."""
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{slugify(name)[:60] or 'rater'}-{digest}@{campaign.public_id}"


def _natural(name: str) -> tuple[int, str]:
    """R2 before R10."""
    digits = "".join(character for character in name if character.isdigit())
    return (int(digits[:15]) if digits else 0, name)


class _Import:
    """What is here, kept up to date while blocks are written."""

    def __init__(
        self,
        campaign: Campaign,
        clips: Mapping[str, Clip],
        raters: Mapping[str, Membership],
        origin: str,
    ) -> None:
        self.campaign, self.clips, self.raters, self.origin = campaign, clips, raters, origin
        self.wave = campaign.waves.get(label=WAVE)
        self.aspects = {aspect.key: aspect for aspect in campaign.rubric.aspects.all()}
        rows = campaign.assignments.filter(rater__isnull=False)
        self.assignments: dict[Pair, int] = {
            (clip, rater): pk for pk, clip, rater in rows.values_list("pk", "clip", "rater")
        }
        self.places = Counter(_most(campaign, "clip", "place"))
        self.positions = Counter(_most(campaign, "rater", "position"))

    def run(self, given: GivenRatings, tell: Callable[[int, int], None]) -> RatingsOutcome:
        """Write block after block."""
        keys, totals, done = _keys(given.aspects), Counter[str](), 0
        for block in _blocks(given.ratings.items()):
            named = {
                (self.clips[clip].pk, self.raters[rater].pk): _by_key(of_pair, keys)
                for (clip, rater), of_pair in block
            }
            with transaction.atomic():
                totals += self._write(named)
            done += len(block)
            tell(done, len(given.ratings))
        return RatingsOutcome(totals["new"], totals["revised"], totals["known"])

    def _write(self, block: Mapping[Pair, list[GivenRating]]) -> Counter[str]:
        kept = self._kept([self.assignments[pair] for pair in block if pair in self.assignments])
        self._assign([pair for pair in block if pair not in self.assignments])
        ratings, scores, totals = [], [], Counter[str]()
        for pair, given in block.items():
            before = kept.get(self.assignments[pair], [])
            more = _more(before, given)
            totals["known"] += len(given) - len(more)
            totals["new"] += len(more)
            totals["revised"] += len(more) - (not before and bool(more))
            for revision, one in enumerate(more, start=len(before) + 1):
                ratings.append(self._rating(pair, revision, one))
                scores.append(one.scores)
        Rating.objects.bulk_create(ratings)
        Score.objects.bulk_create(
            Score(rating=rating, aspect=self.aspects[key], value_raw=value)
            for rating, given_scores in zip(ratings, scores, strict=True)
            for key, value in given_scores.items()
        )
        return totals

    def _kept(self, assignments: list[int]) -> dict[int, list[dict[str, int]]]:
        """Scores of each revision, by assignment."""
        rows = Score.objects.filter(rating__assignment__in=assignments).order_by("rating__revision")
        kept: dict[int, dict[int, dict[str, int]]] = {}
        columns = ("rating__assignment", "rating__revision", "aspect__key", "value_raw")
        for assignment, revision, key, value in rows.values_list(*columns):
            kept.setdefault(assignment, {}).setdefault(revision, {})[key] = value
        return {pk: list(of_pair.values()) for pk, of_pair in kept.items()}

    def _assign(self, pairs: list[Pair]) -> None:
        now, rows = timezone.now(), []
        for clip, rater in pairs:
            self.places[clip] += 1
            self.positions[rater] += 1
            rows.append(
                Assignment(
                    campaign=self.campaign,
                    wave=self.wave,
                    clip_id=clip,
                    place=self.places[clip],
                    rater_id=rater,
                    position=self.positions[rater],
                    assigned_at=now,
                    leased_until=now,
                    rated_at=now,
                )
            )
        for pair, row in zip(pairs, Assignment.objects.bulk_create(rows), strict=True):
            self.assignments[pair] = row.pk

    def _rating(self, pair: Pair, revision: int, given: GivenRating) -> Rating:
        assignment = self.assignments[pair]
        return Rating(
            assignment_id=assignment,
            revision=revision,
            idempotency_key=uuid5(KEYS, f"{assignment} {revision}"),
            lead_time_s=given.lead_time_s,
            watched_frac=given.watched_frac,
            evidence={ORIGIN: self.origin},
        )


def _most(campaign: Campaign, group: str, column: str) -> dict[int, int]:
    rows = campaign.assignments.filter(rater__isnull=False).order_by().values_list(group)
    return {key: most or 0 for key, most in rows.annotate(most=Max(column))}


def _blocks(
    items: Iterable[tuple[tuple[str, str], list[GivenRating]]],
) -> Iterator[list[tuple[tuple[str, str], list[GivenRating]]]]:
    rest = iter(items)
    while block := list(islice(rest, PAIRS_A_BLOCK)):
        yield block


def _by_key(given: list[GivenRating], keys: Mapping[str, str]) -> list[GivenRating]:
    return [
        GivenRating(
            {keys[name]: value for name, value in one.scores.items()},
            one.lead_time_s,
            one.watched_frac,
        )
        for one in given
    ]


def _more(before: list[dict[str, int]], given: list[GivenRating]) -> list[GivenRating]:
    """Which of these revisions are not here yet."""
    if before == [one.scores for one in given[: len(before)]]:
        return given[len(before) :]
    if before and before[-1] == given[-1].scores:
        return []
    return given[-1:]
