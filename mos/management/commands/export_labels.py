"""`manage.py export_labels CAMPAIGN --format FORMAT --output FILE`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from annotator.models import Campaign
from mos.exports import FORMATS, REVISIONS, blocks


class Command(BaseCommand):
    """Write the labelled set of a campaign to a file or to standard output."""

    help = (
        "Export the labelled set. In the long table one row is one rater's score for one clip on\n"
        "one aspect, and rejected raters are marked; forms of one aspect leave them out.\n\n"
        + "\n".join(f"{name}: {form.says}" for name, form in FORMATS.items())
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        """Keep the lines of the help apart."""
        parser = super().create_parser(*args, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which campaign, as what, and where to."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--output", type=Path, help="file; standard output if not given")
        parser.add_argument("--revisions", choices=REVISIONS, default="last")
        parser.add_argument("--aspect", help="key, of forms of one aspect; overall if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write block by block; a file appears whole or not at all."""
        campaign = _campaign(options["campaign"])
        words = {"revisions": options["revisions"], "aspect": options["aspect"]}
        try:
            content = blocks(campaign, options["format"], **words)
        except ValueError as refusal:
            raise CommandError(str(refusal)) from refusal
        output: Path | None = options["output"]
        if output is None:
            self._print(content, options["format"])
            return
        try:
            _write_whole(output, content)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"The labels of {campaign} are in {output}.")

    def _print(self, content: Iterator[bytes], kind: str) -> None:
        try:
            for piece in content:
                self._put(piece, kind)
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has had enough, as `head` does. Python would complain once more when it
            # empties what is left in standard output at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _put(self, piece: bytes, kind: str) -> None:
        out: Any = self.stdout
        if FORMATS[kind].is_text:
            out.write(piece.decode(), ending="")
        elif out.isatty() or not hasattr(out, "buffer"):
            raise CommandError(f"{kind} is no text that could be shown: give it a file (--output).")
        else:
            out.buffer.write(piece)


def _campaign(word: str) -> Campaign:
    found = Campaign.objects.filter(Q(name=word) | Q(public_id=word)).first()
    if found is None:
        names = ", ".join(Campaign.objects.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no campaign {word!r}. There are: {names}.")
    return found


def _write_whole(output: Path, content: Iterator[bytes]) -> None:
    """Write beside the file and put it in its place at the end; what was there stays until then."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
