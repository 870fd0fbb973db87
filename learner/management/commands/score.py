"""`manage.py score FILE… --campaign X`: what the model in use says of clips."""

from __future__ import annotations

import json
import time
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
WAIT_MOST_S, LOOK_EVERY_S = 3600.0, 0.5


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
        good = [Job.State.DONE, *([Job.State.QUEUED] if options["queue"] else [])]
        bad = [one["name"] for one in found if one["state"] not in good]
        if bad:
            raise CommandError(f"{len(bad)} of {len(found)} could not be scored: {', '.join(bad)}")

    def _scored(self, campaign: Campaign, path: Path, options: dict[str, Any]) -> dict[str, Any]:
        try:
            scoring = _asked(campaign, path, options)
        except ValidationError as refusal:
            return _refused(path, " ".join(refusal.messages))
        except OSError as fault:
            return _refused(path, _cure(fault))
        if not options["queue"]:
            self.stderr.write(f"Scoring {path.name} …")
            run_scoring(scoring.pk)
            _wait_for(scoring)
        return report(scoring)


def _wait_for(scoring: Scoring) -> None:
    """A worker that was faster is at it, or will be: see it through, unless it takes too long."""
    until = time.monotonic() + WAIT_MOST_S
    scoring.refresh_from_db()
    while scoring.is_open and time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)
        scoring.refresh_from_db()
    if scoring.is_open:
        scoring.progress_text = (
            f"a worker took it and is not done after {WAIT_MOST_S / 60:g} minutes; its page goes on"
        )


def _refused(path: Path, words: str) -> dict[str, Any]:
    return {"name": path.name, "state": "refused", "error_text": words, "result": None}


def _cure(fault: OSError) -> str:
    """What to do about a file that cannot be opened."""
    name = fault.filename or "The file"
    if isinstance(fault, IsADirectoryError):
        return f"{name} is a folder: name the videos in it, such as {name}/*.mp4."
    if isinstance(fault, FileNotFoundError):
        return f"{name} is not there: check the name, and the folder you are in."
    if isinstance(fault, PermissionError):
        return f"{name} may not be read by this user: give it the right to."
    return str(fault)


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
