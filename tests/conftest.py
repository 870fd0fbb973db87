"""The cast and the props that every test may use.

Alice researches, Bob and Bina rate, Charlie belongs to no campaign and must see nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client

from annotator.models import Campaign, Clip, Corpus, Membership, Rubric
from annotator.models.rubrics import frozen_aspects_of
from tests.installation import Installation

REAL_DATA = os.environ.get("DUBSCORE_DATA")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the last would keep one worker while the others idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _no_rubric_of_another_test() -> None:
    """Tests share a process, and their databases the same keys."""
    frozen_aspects_of.cache_clear()


@pytest.fixture
def real_data() -> Path:
    """The folder of real clips and ratings; without it a test that needs it says so and waits."""
    if not REAL_DATA:
        pytest.skip("DUBSCORE_DATA does not name the folder of real clips")
    return Path(REAL_DATA)


@pytest.fixture
def alice(db: None) -> User:
    """The researcher."""
    return User.objects.create_user("alice", password="alice-secret", is_staff=True)


@pytest.fixture
def bob(db: None) -> User:
    """A rater."""
    return User.objects.create_user("bob", password="bob-secret")


@pytest.fixture
def bina(db: None) -> User:
    """Another rater."""
    return User.objects.create_user("bina", password="bina-secret")


@pytest.fixture
def charlie(db: None) -> User:
    """Signed in, but a stranger here."""
    return User.objects.create_user("charlie", password="charlie-secret")


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """A browser in which this user is signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def corpus(db: None) -> Corpus:
    """A corpus without clips."""
    return Corpus.objects.create(name="festival")


@pytest.fixture
def make_clip(corpus: Corpus) -> Callable[..., Clip]:
    """Write a clip of four seconds whose file is a few known bytes."""

    def make(name: str, **fields: object) -> Clip:
        clip = Clip(
            corpus=corpus,
            name=name,
            sha256=f"{abs(hash(name)):064x}"[:64],
            **{"duration_s": 4.0, "width": 64, "height": 48, **fields},
        )
        content = bytes(range(256)) * 40
        clip.original.save(f"{name}.mp4", ContentFile(content), save=False)
        clip.rendition.save(f"{name}.mp4", ContentFile(content), save=False)
        clip.save()
        return clip

    return make


@pytest.fixture
def rubric(db: None) -> Rubric:
    """The shipped rubric; tests that empty every table take the migration's rows with them."""
    if not Rubric.objects.exists():
        import_module("annotator.migrations.0002_seed_rubric").seed(apps, None)
    return Rubric.objects.get()


@pytest.fixture
def campaign(corpus: Corpus, rubric: Rubric, alice: User, bob: User, bina: User) -> Campaign:
    """A draft campaign: Alice researches, Bob and Bina rate."""
    campaign = Campaign.objects.create(
        name="Spring", corpus=corpus, rubric=rubric, ratings_per_clip=2, seed=7
    )
    Membership.objects.create(campaign=campaign, user=alice, role="researcher")
    for rater in (bob, bina):
        Membership.objects.create(campaign=campaign, user=rater, role="rater")
    return campaign


@pytest.fixture(scope="session")
def empty_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Set up once for all tests, and only copied."""
    with Installation(tmp_path_factory.mktemp("empty")) as empty:
        yield empty


@pytest.fixture
def installation(tmp_path: Path, empty_installation: Installation) -> Iterator[Installation]:
    """A whole installation of its own: database, media, server and workers as real processes."""
    with Installation(tmp_path, empty_installation) as running:
        yield running
