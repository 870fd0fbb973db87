"""`manage.py score FILE… --campaign X`: what the model in use says of clips."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from annotator.models import Campaign
from learner import actions
from learner.actions.scoring import run_scoring
from learner.management.running import campaign_of
from learner.models import Job, Scoring
from learner.selectors.scoring import report

TEXTS = ("transcript", "translation", "language", "source_language")


class Command(BaseCommand):
    """Score files here, or let a worker do it."""

    help = "Score video files by the model in use of a campaign; ends with 1 when one could not be."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which files, and what is known of them."""
        parser.add_argument("files", nargs="+", metavar="FILE", help="video; all of one source")
        parser.add_argument("--campaign", required=True, help="name or public id")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--source", help="the file they were dubbed from")
        parser.add_argument("--transcript", default="", help="what the source says")
        parser.add_argument("--translation", default="", help="what the dub says")
        parser.add_argument("--language", default="", help="of the dub, as a BCP 47 tag")
        parser.add_argument("--source-language", default="")
        parser.add_argument("--queue", action="store_true", help="let a worker do it")
        parser.add_argument("--json", action="store_true", help="everything, as a list")

    def handle(self, *args: Any, **options: Any) -> None:
        """One after the other; what is wrong with one keeps no other from being scored."""
        campaign = campaign_of(options["campaign"])
        found = [self._scored(campaign, Path(name), options) for name in options["files"]]
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            for one in found:
                self.stdout.write(_line(one))
        bad = [one["name"] for one in found if one["state"] not in (Job.State.DONE, "queued")]
        if bad:
            raise CommandError(f"{len(bad)} of {len(found)} could not be scored: {', '.join(bad)}")

    def _scored(self, campaign: Campaign, path: Path, options: dict[str, Any]) -> dict[str, Any]:
        try:
            scoring = _asked(campaign, path, options)
        except (ValidationError, OSError) as refusal:
            words = " ".join(getattr(refusal, "messages", [str(refusal)]))
            return {"name": path.name, "state": "refused", "error_text": words, "result": None}
        if not options["queue"]:
            self.stderr.write(f"Scoring {path.name} …")
            run_scoring(scoring.pk)
            scoring.refresh_from_db()
        return report(scoring)


def _asked(campaign: Campaign, path: Path, options: dict[str, Any]) -> Scoring:
    asked = {name: options[name] for name in TEXTS}
    with path.open("rb") as clip:
        file = File(clip, name=path.name)
        if not options["source"]:
            return actions.ask_scoring(
                campaign=campaign, target=options["aspect"], file=file, **asked
            )
        source = Path(options["source"])
        with source.open("rb") as original:
            return actions.ask_scoring(
                campaign=campaign,
                target=options["aspect"],
                file=file,
                source_file=File(original, name=source.name),
                **asked,
            )


def _line(one: dict[str, Any]) -> str:
    """One clip: score, interval, proxy, and what to beware of below it."""
    result = one["result"]
    if result is None:
        words = one["error_text"] or one.get("progress_text", "")
        return f"{one['name']:<32} {one['state']}: {words}"
    score = f"{result['dubscore_raw']:.2f}"
    if result["low"] is not None:
        score += f" [{result['low']:.2f}, {result['high']:.2f}]"
    proxy = result["proxy"]["mos_raw"]
    lines = [f"{one['name']:<32} {score:<18} proxy {'–' if proxy is None else f'{proxy:.2f}'}"]
    return "\n".join([*lines, *(f"    ! {row['text']}" for row in result["warnings"])])
