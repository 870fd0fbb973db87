"""Which aspect a page speaks of."""

from __future__ import annotations

from django.http import Http404

from annotator.models import Aspect

USUAL_ASPECT = "overall"


def chosen_aspect(aspects: list[Aspect], key: str | None) -> Aspect | None:
    """The aspect asked for, or else the overall quality; none in a rubric without aspects."""
    by_key = {aspect.key: aspect for aspect in aspects}
    if key is None:
        return by_key.get(USUAL_ASPECT) or next(iter(aspects), None)
    if key not in by_key:
        raise Http404(f"No aspect is called {key!r}.")
    return by_key[key]
