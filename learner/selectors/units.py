"""Which clips share what they were made from, and so are kept together."""

from __future__ import annotations

from annotator.models import Clip


def units_of(clips: list[Clip]) -> list[str]:
    """A name for what each clip was made from: the first source of its chain, or its content.

    A dub of a dub goes with the original; a clip whose source nobody has goes by its content's
    name; one with neither stands alone.
    """
    corpora = {clip.corpus_id for clip in clips}
    chains = Clip.objects.filter(corpus__in=corpora, source__isnull=False)
    source_of = dict(chains.values_list("pk", "source_id"))
    contents = dict(
        Clip.objects.filter(corpus__in=corpora)
        .exclude(content_id="")
        .values_list("pk", "content_id")
    )
    return [_unit(clip.pk, source_of, contents) for clip in clips]


def _unit(pk: int, source_of: dict[int, int], contents: dict[int, str]) -> str:
    seen = {pk}
    while source_of.get(pk) not in (None, *seen):
        pk = source_of[pk]
        seen.add(pk)
    return f"content {contents[pk]}" if pk in contents else f"clip {pk}"
