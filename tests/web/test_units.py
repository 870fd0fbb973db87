"""Which clips go into one fold: those of one original, however long the chain, or one content."""

from __future__ import annotations

from annotator.models import Clip
from learner.selectors.units import units_of


def test_dubs_of_dubs_go_with_the_original_and_contents_stand_for_sources(make_clip, campaign):
    original, dub, redub = (make_clip(name) for name in ("original", "dub", "redub"))
    one, other = (make_clip(name, content_id="scene-1") for name in ("one", "other"))
    alone = make_clip("alone")
    for clip, source in ((dub, original), (redub, dub)):
        Clip.objects.filter(pk=clip.pk).update(source=source, content_id="")
    Clip.objects.filter(pk__in=[original.pk, alone.pk]).update(content_id="")
    clips = list(Clip.objects.order_by("pk"))
    unit = dict(zip((clip.name for clip in clips), units_of(clips), strict=True))
    assert unit["original"] == unit["dub"] == unit["redub"]
    assert unit["one"] == unit["other"] == "content scene-1"
    assert unit["alone"] not in {unit["original"], unit["one"]}
