"""What raters are asked: rubrics and aspects, versioned so that old scores keep their words."""

from __future__ import annotations

from functools import lru_cache

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

RESERVED_KEYS = {"idempotency_key", "lead_time_s", "evidence", "csrfmiddlewaretoken"}


class Rubric(models.Model):
    """A named, versioned list of aspects; changed words make a new version."""

    name = models.CharField(max_length=120)
    version = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="rubric_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


def aspects_of(rubric_id: int) -> list[Aspect]:
    """The aspects of a rubric, in order."""
    return list(Aspect.objects.filter(rubric=rubric_id).order_by("position"))


# A rubric that raters have met never changes, so each process reads it once.
frozen_aspects_of = lru_cache(maxsize=256)(aspects_of)


class Aspect(models.Model):
    """One question of a rubric, answered on the five-point ACR scale (ITU-T P.910)."""

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="aspects")
    key = models.SlugField(max_length=40)
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    question = models.TextField()
    scale_words = models.JSONField(help_text="five words, from 5 down to 1")

    class Meta:
        ordering = ["rubric_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["rubric", "key"], name="aspect_key_once_a_rubric"),
            models.UniqueConstraint(
                fields=["rubric", "position"], name="aspect_position_once_a_rubric"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Five words, and a key that no field of the rating form has already."""
        words = self.scale_words
        if not (
            isinstance(words, list)
            and len(words) == 5
            and all(isinstance(word, str) and word.strip() for word in words)
        ):
            raise ValidationError({"scale_words": 'Give five words, from 5 down to 1: ["…", …].'})
        if self.key in RESERVED_KEYS:
            raise ValidationError({"key": f"{self.key!r} is a field of every rating form."})

    @property
    def choices(self) -> list[tuple[int, str]]:
        """Scores with their words in the reader's language, highest first."""
        words = zip(range(5, 0, -1), self.scale_words, strict=True)
        return [(score, gettext(word)) for score, word in words]
