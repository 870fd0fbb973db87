"""Reading what programs send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class ShallowJSONParser(JSONParser):
    """JSON that no answer could repeat is a bad request, like any other that is wrong.

    Python reads half a surrogate pair but cannot write it; too deep a nesting it cannot even read.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read it, or answer 400."""
        try:
            given = super().parse(stream, media_type, parser_context)
            json.dumps(given, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON holds half a surrogate pair.") from error
        return given
