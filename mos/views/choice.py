"""Which aspect a page speaks of."""

from __future__ import annotations

from django.http import Http404

from annotator.models import Aspect
from mos.selectors import Collected

USUAL_ASPECT = "overall"


def chosen_aspect(aspects: list[Aspect], key: str | None) -> Aspect | None:
    """The aspect asked for, or else the overall quality; none in a rubric without aspects."""
    by_key = {aspect.key: aspect for aspect in aspects}
    if key is None:
        return by_key.get(USUAL_ASPECT) or next(iter(aspects), None)
    if key not in by_key:
        raise Http404(f"No aspect is called {key!r}.")
    return by_key[key]


# Label of clips to the words at its head; between label and value of a choice stands a colon.
GROUP_WORDS = {"system": "System", "condition": "Condition", "language_pair": "Languages"}


def chosen_group(asked: str) -> tuple[str, str] | None:
    """The clips asked for, such as `system:acme`; None for all."""
    if not asked:
        return None
    label, colon, value = asked.partition(":")
    if label not in GROUP_WORDS or not colon:
        raise Http404(f"Clips are not grouped by {label!r}.")
    return label, value


def groups_of(found: Collected) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen: words and, by label, each value with what its choice is called."""
    return [
        (words, [(f"{label}:{value}", value or "not named") for value in found.labels[label][0]])
        for label, words in GROUP_WORDS.items()
        if label in found.labels
    ]
