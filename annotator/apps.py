"""Django's entry for the annotator room."""

from __future__ import annotations

from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    """Who rates what: corpora, campaigns, raters, the rating page, ratings as collected."""

    name = "annotator"
