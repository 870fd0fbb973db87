"""Telling an address what came of a scoring: signed, to public hosts only, and never redirected."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Event, Timer
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from learner.models import Job, Scoring
from learner.selectors.scoring import report

logger = logging.getLogger(__name__)

TRIES, WAIT_S, TIMEOUT_S = 3, 1.0, 10.0
ADDRESSES_MOST = 3  # of one host: more cost time, and tell nothing new
DEADLINE_S = 20.0  # of one try: who answers a byte at a time shall not hold a worker
RETOLD_AFTER_S = 300.0  # longer than all tries together take
TOLD_STATES = (Job.State.DONE, Job.State.FAILED)
PURPOSE = b"dubscore webhook"
SIGNATURE, TIMESTAMP = "X-Dubscore-Signature", "X-Dubscore-Timestamp"
WRITTEN_AS_IT_IS = "/%:@!$&'()*+,;=?~"  # `%`: what is percent-encoded already stays so
# Not all of these are known to every Python as special: gateways that translate to any IPv4
# address, relays, former private networks, and what stands in examples and on wires alone.
NEVER_PUBLIC = [
    ip_network(words)
    for words in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "fec0::/10",
        "3fff::/20",
        "5f00::/16",
    )
]


class Untold(Exception):  # noqa: N818 (kept with the row, not raised further)
    """The address did not take it; the words say why."""


@dataclass(frozen=True)
class Target:
    """Where to send to: addresses that were looked up and may be sent to."""

    parts: SplitResult
    host: str
    port: int
    ips: tuple[str, ...]

    @property
    def path(self) -> str:
        """Path and query as they go over the wire: other letters than ASCII may not."""
        query = f"?{self.parts.query}" if self.parts.query else ""
        return quote((self.parts.path or "/") + query, safe=WRITTEN_AS_IT_IS)

    def reach(self, until: float) -> socket.socket:
        """The first of its addresses that answers, by a time of `time.monotonic`.

        Raises:
            OSError: none does.
            Untold: the time is over.
        """
        failed: OSError | None = None
        for ip in self.ips:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise _late()
            try:
                return socket.create_connection((ip, self.port), min(TIMEOUT_S, left_s))
            except OSError as error:
                failed = error
        raise failed or OSError("it has no address")


def _late() -> Untold:
    return Untold(f"it took longer than {DEADLINE_S:g} s")


def webhook_key() -> str:
    """The key of this installation's signatures, for those who check them."""
    return hmac.digest(settings.SECRET_KEY.encode(), PURPOSE, "sha256").hex()


def signature(body: bytes, timestamp: str) -> str:
    """HMAC-SHA256 of time and body, as the header says it."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.digest(webhook_key().encode(), signed, "sha256").hex()


def check_webhook(url: str) -> Target:
    """Look an address up.

    Raises:
        ValidationError: it is no http(s) address, has a password in it, cannot be found, or lies
            where only this machine or its network should reach.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise ValidationError(f"The webhook {url!r} is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValidationError(f"The webhook {url!r} must begin with https:// or http://.")
    if parts.username is not None or any(ord(letter) <= 32 for letter in url):
        raise ValidationError("A webhook's address may hold neither password nor blanks.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValidationError(f"The webhook's host {host!r} cannot be found.") from error
    addresses = [str(row[4][0]) for row in found]
    if not settings.DUBSCORE_WEBHOOKS_MAY_BE_LOCAL and not all(map(_is_public, addresses)):
        raise ValidationError(
            f"The webhook's host {host!r} lies in a private network or on this machine. Give a "
            "public address, or set DUBSCORE_WEBHOOKS_MAY_BE_LOCAL."
        )
    return Target(parts, host, port, tuple(dict.fromkeys(addresses))[:ADDRESSES_MOST])


def _is_public(address: str) -> bool:
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if inner:
            return _is_public(str(inner))
    if any(ip in network for network in NEVER_PUBLIC):
        return False
    return ip.is_global and not ip.is_multicast


class _Pinned(HTTPConnection):
    """To the address that was looked up: a second look-up could give another."""

    def __init__(self, target: Target, until: float) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_S)
        self.target, self.until = target, until

    def connect(self) -> None:
        """By number."""
        self.sock = self.target.reach(self.until)
        _still_in_time(self.until, self.sock)


class _PinnedTLS(HTTPSConnection):
    """The same, with the certificate of the host's name."""

    def __init__(self, target: Target, until: float) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_S)
        self.target, self.until = target, until

    def connect(self) -> None:
        """By number; the handshake comes once the socket is where `_cut` finds it."""
        self.sock = self._context.wrap_socket(
            self.target.reach(self.until),
            server_hostname=self.host,
            do_handshake_on_connect=False,
        )
        _still_in_time(self.until, self.sock)
        self.sock.do_handshake()


def _still_in_time(until: float, sock: socket.socket) -> None:
    """Whoever was to cut the connection at this time may have come before there was one."""
    if time.monotonic() >= until:
        raise _late()
    sock.settimeout(TIMEOUT_S)


def tell(scoring: Scoring) -> str:
    """Tell the address of a scoring that is done or failed, and keep what came of it; never fails.

    A stopped one is not told of: who stopped it knows.
    """
    if not scoring.webhook_url or scoring.state not in TOLD_STATES:
        return ""
    try:
        words = _told(scoring)
    except ValueError as fault:  # of an odd address; nothing kept would be told again for ever
        logger.exception("%s: its webhook could not be told", scoring)
        words = f"Not told: {type(fault).__name__}: {fault}."
    words = words.encode(errors="replace").decode().replace("\0", "")
    Scoring.objects.filter(pk=scoring.pk).update(webhook_text=words[:300])
    return words


def _told(scoring: Scoring) -> str:
    body = json.dumps(report(scoring), ensure_ascii=False).encode()
    words = ""
    for number in range(TRIES):
        if number:
            time.sleep(WAIT_S * 2 ** (number - 1))
        try:
            status = _post(scoring.webhook_url, body)
            return f"Told at try {number + 1}: it answered {status}."
        except ValidationError as refusal:
            return f"Not told. {' '.join(refusal.messages)}"
        except (Untold, OSError, HTTPException) as error:
            words = f"Not told after {number + 1} tries: {error or type(error).__name__}."
    return words


def _post(url: str, body: bytes) -> int:
    """The status, where it is one of success.

    Raises:
        ValidationError: as `check_webhook`: the host may have moved since it was asked for.
        Untold: it answered otherwise.
        OSError, HTTPException: it did not answer.
    """
    until = time.monotonic() + DEADLINE_S
    target = check_webhook(url)
    connection = (_PinnedTLS if target.parts.scheme == "https" else _Pinned)(target, until)
    timestamp = str(int(time.time()))
    is_late = Event()
    watch = Timer(until - time.monotonic(), _cut, [connection, is_late])
    watch.start()
    try:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Dubscore/{settings.DUBSCORE_VERSION}",
            TIMESTAMP: timestamp,
            SIGNATURE: signature(body, timestamp),
        }
        connection.request("POST", target.path, body, headers)
        status = connection.getresponse().status
    finally:
        watch.cancel()
        connection.close()
    if is_late.is_set():  # half an answer reads as a whole one
        raise _late()
    if 300 <= status < 400:
        raise Untold(f"it answered {status}, and redirects are not followed")
    if not 200 <= status < 300:
        raise Untold(f"it answered {status}")
    return status


def _cut(connection: HTTPConnection, is_late: Event) -> None:
    is_late.set()
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it is over already
            sock.shutdown(socket.SHUT_RDWR)


def tell_again() -> int:
    """Tell of one scoring whose worker died, or was given up, before anyone was told."""
    limit = timezone.now() - timedelta(seconds=RETOLD_AFTER_S)
    over = Scoring.objects.filter(state__in=TOLD_STATES)
    untold = over.filter(webhook_text="", finished_at__lt=limit).exclude(webhook_url="")
    scoring = untold.select_related("campaign", "clip", "source").first()
    return bool(scoring and tell(scoring))
