"""The words of the shipped rubric, marked for translation; the rows keep them in English.

Source of the scale words: ITU-T P.910, absolute category rating, five points.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

SCALE_WORDS = [_("Excellent"), _("Good"), _("Fair"), _("Poor"), _("Bad")]
ASPECT_NAMES = [
    _("Audio-visual synchrony"),
    _("Speaker consistency"),
    _("Voice clarity"),
    _("Emotional expressiveness"),
    _("Prosody"),
    _("Overall dubbing quality"),
]
ASPECT_QUESTIONS = [
    _("Do the lips and the speech fit together in time?"),
    _("Does the voice suit the person and stay the same?"),
    _("Is every word clear, without noise or distortion?"),
    _("Does the voice carry the feeling that the face shows?"),
    _("Do rhythm, stress and melody sound like natural speech?"),
    _("All in all, how good is this clip as a dubbed video?"),
]
