"""What can be rated: corpora and their clips."""

from __future__ import annotations

from pathlib import PurePath

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from annotator.public_id import PUBLIC_ID_LENGTH, new_public_id

LONGEST_SUFFIX = 10  # what is longer is no kind of file, and too long for some disks


def original_path(clip: Clip, filename: str) -> str:
    """Where the file as it was brought lies: by its hash, so that the same file lies there once."""
    suffix = PurePath(filename).suffix.lower()
    suffix = suffix if suffix[1:].isalnum() and len(suffix) <= LONGEST_SUFFIX else ""
    return f"originals/{clip.sha256[:2]}/{clip.sha256}{suffix}"


def rendition_path(clip: Clip, filename: str) -> str:
    """Where what browsers play lies: by the opaque id, which tells nothing."""
    return f"renditions/{clip.public_id[:2]}/{clip.public_id}.mp4"


def language_pair(source: str, target: str) -> str:
    """Languages as shown to researchers.

    >>> language_pair("en", "hi"), language_pair("", "hi"), language_pair("", "")
    ('en → hi', '? → hi', '')
    """
    return f"{source or '?'} → {target or '?'}" if source or target else ""


class CorpusQuerySet(models.QuerySet["Corpus"]):
    """Questions one asks of corpora."""

    def open_to(self, user: AbstractBaseUser | AnonymousUser) -> CorpusQuerySet:
        """Those that this user studies clips of, and those that no campaign uses yet."""
        if getattr(user, "is_superuser", False):
            return self
        own = Q(campaigns__memberships__user=user, campaigns__memberships__role="researcher")
        return self.filter(own | Q(campaigns=None)).distinct()


class Corpus(models.Model):
    """A named set of clips."""

    name = models.SlugField(max_length=80, unique=True)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CorpusQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "corpora"

    def __str__(self) -> str:
        return self.name


class ClipQuerySet(models.QuerySet["Clip"]):
    """Questions one asks of clips."""

    def ready(self) -> ClipQuerySet:
        """Those that can be shown to raters."""
        return self.filter(state=Clip.State.READY)

    def with_file(self) -> ClipQuerySet:
        """Those whose video is here, whether raters may be shown it or not."""
        return self.exclude(state=Clip.State.ABSENT)

    def dubs(self) -> ClipQuerySet:
        """Those that were made from a source clip."""
        return self.filter(source__isnull=False)


class Clip(models.Model):
    """One video with speech: a dub, or the source a dub was made from."""

    class State(models.TextChoices):
        """Whether raters may be shown it."""

        READY = "ready", "Ready"
        BROKEN = "broken", "Broken"
        ABSENT = "absent", "No file here"  # rated elsewhere, and known from those ratings alone

    public_id = models.CharField(
        max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False
    )
    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="clips")
    name = models.CharField(max_length=200, help_text="clip_id of the manifest")
    original = models.FileField(upload_to=original_path, max_length=300)
    rendition = models.FileField(upload_to=rendition_path, max_length=300)
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the original file")
    source = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="dubs"
    )
    content_id = models.CharField(max_length=200, blank=True)
    transcript = models.TextField(blank=True, help_text="what the source says")
    translation = models.TextField(blank=True, help_text="what the dub says")
    source_language = models.CharField(max_length=16, blank=True)
    target_language = models.CharField(max_length=16, blank=True)
    speaker = models.CharField(max_length=200, blank=True)
    system = models.CharField(max_length=200, blank=True, help_text="what made the dub")
    condition = models.CharField(max_length=200, blank=True)
    emotion = models.CharField(max_length=80, blank=True)
    duration_s = models.FloatField(help_text="0 where no file is here")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.READY)
    state_reason = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True, help_text="columns we do not know")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(
        auto_now=True, help_text="by this, figures that are kept in memory notice a change"
    )

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["corpus", "changed_at"], name="clip_changed_in_corpus")]
        constraints = [
            models.UniqueConstraint(fields=["corpus", "name"], name="clip_name_once_a_corpus"),
            models.UniqueConstraint(
                fields=["corpus", "sha256"],
                condition=~Q(state="absent"),
                name="clip_file_once_a_corpus",
            ),
            models.CheckConstraint(
                condition=(Q(duration_s__gt=0) & ~Q(state="absent"))
                | Q(state="absent", duration_s=0, sha256="", original="", rendition=""),
                name="clip_has_a_duration_or_no_file",
            ),
            models.CheckConstraint(
                condition=Q(source__isnull=True) | ~Q(source=F("id")),
                name="clip_is_not_its_own_source",
            ),
            models.CheckConstraint(
                condition=~Q(state="broken") | ~Q(state_reason=""),
                name="broken_clip_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def language_pair(self) -> str:
        """As shown to researchers: `en → hi`, or nothing where neither is known."""
        return language_pair(self.source_language, self.target_language)
