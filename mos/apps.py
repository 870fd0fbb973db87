"""Django's entry for the mos room."""

from __future__ import annotations

from django.apps import AppConfig


class MosConfig(AppConfig):
    """What the ratings mean: reliability, MOS, exports."""

    name = "mos"
