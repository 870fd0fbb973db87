"""Networks in tflite files, run on one core."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Network:
    """A tflite file that turns one picture into numbers; its calls wait for each other.

    Args:
        path: The file, checked by whoever names it.
        tensors: Which of its inner tensors are its answers; without it those it gives out, the
            largest first.
    """

    def __init__(self, path: Path, tensors: tuple[int, ...] = ()) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        # With its accelerator, inner tensors are overwritten by later ones.
        resolver = "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if tensors else "AUTO"

        self._lock = threading.Lock()
        self._interpreter: Any = Interpreter(
            model_content=path.read_bytes(),
            num_threads=1,
            experimental_op_resolver_type=OpResolverType[resolver],
            experimental_preserve_all_tensors=bool(tensors),
        )
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        outputs = sorted(
            self._interpreter.get_output_details(), key=lambda one: -int(np.prod(one["shape"]))
        )
        self._answers = tensors or tuple(one["index"] for one in outputs)

    def __call__(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """What it says of a picture, shape (H, W, channels); a batch of one each."""
        with self._lock:
            self._interpreter.set_tensor(self._input, picture[None])
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._answers]
