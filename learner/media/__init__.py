"""Decoding a clip once, for every part that asks."""

from __future__ import annotations

from learner.media.clip import ClipMedia, Unavailable

__all__ = ["ClipMedia", "Unavailable"]
