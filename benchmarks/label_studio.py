"""Label Studio as a peer: its own server, six ratings in one annotation."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.installation import Installation, answers, free_port, wait_until

if TYPE_CHECKING:
    from benchmarks.rating_post import Post

TOKEN = "benchmark-token-1234567890"
ASPECTS = ("sync", "speaker", "clarity", "emotion", "prosody", "overall")
TASKS = 200
CONFIG = (
    '<View><Video name="clip" value="$video"/>'
    + "".join(f'<Rating name="{aspect}" toName="clip" maxRating="5"/>' for aspect in ASPECTS)
    + "</View>"
)


class LabelStudio:
    """A Label Studio of its own, started for the run from the given bin folder."""

    def __init__(self, installation: Installation, programs: Path) -> None:
        self.installation = installation
        self.programs = programs
        self.tasks: list[int] = []

    def start(self) -> str:
        """Start it, make a project with tasks, and give its address."""
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        env = {
            **os.environ,
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.installation.folder / "label-studio"),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }
        words = [str(self.programs / "label-studio"), "start", "--no-browser"]
        words += ["--internal-host", "127.0.0.1", "-p", str(port)]
        words += ["--username", "bench@example.org", "--password", "bench-passw0rd"]
        words += ["--user-token", TOKEN, "--enable-legacy-api-token"]
        self.installation.start(*words, log="label-studio.log", env=env)
        wait_until(lambda: answers(f"{self.address}/health"), "Label Studio", 180)
        self._make_project()
        return self.address

    def _make_project(self) -> None:
        config = {"title": "Bench", "label_config": CONFIG, "maximum_annotations": 5000}
        project = self._call("/api/projects", config)["id"]
        tasks = [{"data": {"video": f"/clip-{number}.mp4"}} for number in range(TASKS)]
        self._call(f"/api/projects/{project}/import", tasks)
        listed = self._call(f"/api/tasks?project={project}&page_size={TASKS}")
        self.tasks = [task["id"] for task in listed["tasks"]]

    def _call(self, path: str, given: Any = None) -> Any:
        body = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(self.address + path, body, self._headers())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}

    def posts(self, client: int) -> Iterator[Post]:
        """Six ratings as one annotation, task after task."""
        from benchmarks.rating_post import Post

        result = [
            {
                "from_name": aspect,
                "to_name": "clip",
                "type": "rating",
                "value": {"rating": 1 + index % 5},
            }
            for index, aspect in enumerate(ASPECTS)
        ]
        body = json.dumps({"result": result, "lead_time": 12.5})
        turn = client
        while True:
            task = self.tasks[turn % len(self.tasks)]
            yield Post(f"/api/tasks/{task}/annotations", body, self._headers(), 201)
            turn += 8
