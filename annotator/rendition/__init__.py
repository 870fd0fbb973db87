"""What browsers can play: looking a file through, and making a copy that plays everywhere."""

from __future__ import annotations

from annotator.rendition.probe import BrokenMedia, Probe, probe
from annotator.rendition.render import make_rendition

__all__ = ["BrokenMedia", "Probe", "make_rendition", "probe"]
