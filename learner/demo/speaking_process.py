"""Speak sentences with libespeak-ng: a program of its own, never imported by the rest.

eSpeak NG is under the GPL, so it is loaded only here, in a process that talks to the outside by
JSON lines: run `python speaking_process.py LIBRARY [FOLDER]`, write one request a line to its
standard input and read one answer a line from its standard output. FOLDER is the folder that holds
`espeak-ng-data`; without it the library uses the data it was built for.

Request: `{"text": str, "voice": str, "rate": int, "pitch": int, "range": int, "path": str}`.
Answer: `{"path": str, "rate_hz": int, "samples": int}` or `{"error": str}`.
"""

from __future__ import annotations

import ctypes
import json
import sys
import wave
from typing import Any

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000  # else a wrong data folder ends the process without a word
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_OK = 0
_SEED = 1

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Speaker:
    """The library, opened once; `speak` writes one WAV file a call."""

    def __init__(self, library: str, folder: str | None) -> None:
        self._library = ctypes.CDLL(library)
        place = folder.encode() if folder else None
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, place, _DO_NOT_EXIT))
        if self.rate_hz <= 0:
            raise OSError(f"{library} found no espeak-ng-data in {folder or 'its default folder'}")
        self._samples = bytearray()
        self._callback = _CALLBACK(self._collect)  # kept: the library holds only the pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count:
            self._samples += ctypes.string_at(samples, 2 * count)
        return 0

    def speak(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write `request["text"]` to `request["path"]` and say how long it came out."""
        if self._library.espeak_SetVoiceByName(str(request["voice"]).encode()) != _OK:
            return {"error": f"espeak-ng knows no voice {request['voice']!r}"}
        for parameter, key in ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "range")):
            self._library.espeak_SetParameter(parameter, int(request[key]), 0)
        if hasattr(self._library, "espeak_ng_SetRandSeed"):  # since 1.52; before, breath varies
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        self._samples = bytearray()
        text = str(request["text"]).encode()
        place = ctypes.c_char_p(text)
        self._library.espeak_Synth(place, len(text) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if not self._samples:
            return {"error": f"espeak-ng said nothing for {request['text']!r}"}
        with wave.open(str(request["path"]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate_hz)
            out.writeframes(bytes(self._samples))
        return {
            "path": request["path"],
            "rate_hz": self.rate_hz,
            "samples": len(self._samples) // 2,
        }


def main(arguments: list[str]) -> int:
    """Answer requests until standard input ends."""
    speaker = Speaker(arguments[0], arguments[1] if len(arguments) > 1 else None)
    for line in sys.stdin:
        print(json.dumps(speaker.speak(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
