"""Models come from a hub whole or not at all, at a commit that is kept."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading

import pytest

from learner.encoders.wav2vec2 import Wav2Vec2
from learner.hub import fetch_from_hub, hub_ids
from learner.weights import WeightsError
from tests.hub_models import save_wav2vec2

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "somebody/some-model"


@pytest.fixture
def small_hub(tmp_path):
    """A hub on this machine with one small model; it speaks as much of the protocol as is asked."""
    folder = tmp_path / "model"
    save_wav2vec2(folder)
    (folder / "README.md").write_text("not wanted")
    (folder / "pytorch_model.bin").write_bytes(b"the same tensors once more")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}

    class Hub(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.answer(with_body=False)

        def do_GET(self):
            self.answer(with_body=True)

        def answer(self, *, with_body):
            path = self.path.split("?")[0]
            headers, body = {}, None
            if path.startswith(f"/api/models/{MODEL}"):
                siblings = [{"rfilename": name} for name in files]
                about = {"id": MODEL, "sha": COMMIT, "siblings": siblings, "private": False}
                if "/tree/" in path:
                    about = [
                        {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
                        for name, content in files.items()
                    ]
                body = json.dumps(about).encode()
                headers["Content-Type"] = "application/json"
            elif path.startswith(f"/{MODEL}/resolve/{COMMIT}/"):
                body = files.get(path.rpartition("/")[2])
                if body is not None:
                    headers["ETag"] = f'"{hashlib.sha1(body).hexdigest()}"'  # noqa: S324
                    headers["X-Repo-Commit"] = COMMIT
            self.send_response(404 if body is None else 200)
            body = body or b""
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_):
            """Nothing: what it says is no part of the test."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_model_from_the_hub_can_be_used_and_says_where_it_is_from(small_hub, tmp_path):
    weights = tmp_path / "weights"
    assert fetch_from_hub("wav2vec2", weights, MODEL, endpoint=small_hub) == COMMIT
    folder = weights / "hub" / "wav2vec2"
    assert json.loads((folder / "dubscore.json").read_text())["commit"] == COMMIT
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert Wav2Vec2.is_ready(weights)
    encoder = Wav2Vec2()
    encoder.load(weights)
    assert [path.name for path in (weights / "hub").iterdir()] == ["wav2vec2"]


def test_other_weights_are_another_version(small_hub, tmp_path):
    weights = tmp_path / "weights"
    fetch_from_hub("wav2vec2", weights, MODEL, endpoint=small_hub)
    before = Wav2Vec2.fingerprint(weights)
    assert Wav2Vec2.fingerprint(weights) == before
    save_wav2vec2(weights / "hub" / "wav2vec2", vocab_size=10)
    assert Wav2Vec2.fingerprint(weights) != before
    assert Wav2Vec2.fingerprint(tmp_path / "nowhere") == ""


def test_what_the_hub_does_not_have_leaves_what_is_there(small_hub, tmp_path):
    weights = tmp_path / "weights"
    fetch_from_hub("wav2vec2", weights, MODEL, endpoint=small_hub)
    with pytest.raises(WeightsError, match="somebody/else at v2 could not be fetched for wav2vec2"):
        fetch_from_hub("wav2vec2", weights, "somebody/else", "v2", endpoint=small_hub)
    assert Wav2Vec2.is_ready(weights)


def test_a_part_that_no_hub_serves_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no hub serves 'speaker_ge2e'"):
        fetch_from_hub("speaker_ge2e", tmp_path)
    assert {"timesformer", "wav2vec2", "sentence_bert", "ecapa_tdnn"} <= set(hub_ids())
