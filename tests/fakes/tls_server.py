"""A server over TLS that the test plays: it asks for a proof, checks it, and says whatever the test wants."""

import base64
import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from pylingo.client.bench.certificate import make_certificate
from pylingo.shared.codec import encode, request_codec
from pylingo.shared.errors import FrameError
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.identity import fingerprint
from pylingo.shared.messages import (
    Command,
    Goodbye,
    Hello,
    HistoryPage,
    HistoryRequest,
    Joined,
    Limits,
    PingRequest,
    Pong,
    Ready,
    Users,
    Welcome,
)
from pylingo.shared.schema import Record

FEATURES = ["rooms", "private", "people", "identity", "moderation"]
CHALLENGE = bytes(range(32))


def _reply(record: Record) -> Record | None:
    match record:
        case HistoryRequest(id=number, room=room):
            return HistoryPage(room, [], False, None, number)
        case PingRequest(id=number):
            return Pong(number)
        case Command("join" | "open", str(room), number):
            return Joined(room, "ada", 1, number)
        case Command("users", None, number, room):
            return Users(room or "lobby", ["ada"], False, number)
        case Command("close"):
            return Goodbye("close", "bye")
    return None


class TlsServer:
    """One connection after the other is answered in a thread. `hellos` are those that came, with valid proofs or none.

    `answer(hello)` returns the frames after it; by default a `ready`. Without `is_encrypted` it is a plain server.
    """

    def __init__(self, folder: Path, *, is_encrypted: bool = True, challenge: bytes = CHALLENGE) -> None:
        self.folder = folder
        self.challenge = challenge
        self.hellos: list[Hello] = []
        self.bytes_of_strangers = 0
        """Bytes of application data that came on connections without a hello."""
        self.connections = 0
        self.answer: Callable[[Hello], list[Record]] = lambda hello: [
            Ready(hello.name or "guest-1", None, "0" * 32, False, hello.id, [], identity=hello.identity)
        ]
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if is_encrypted else None
        if is_encrypted:
            self.renew()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def renew(self) -> None:
        """Take a new certificate."""
        certificate, key = make_certificate(self.folder)
        self.path = certificate
        self.der = ssl.PEM_cert_to_DER_cert(Path(certificate).read_text(encoding="ascii"))
        assert self._context is not None
        self._context.load_cert_chain(certificate, key)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.der)

    @property
    def link(self) -> str:
        return f"pylingo://127.0.0.1:{self.port}#{self.fingerprint}"

    def verify(self, hello: Hello) -> bool:
        """Whether the proof is for our challenge and our certificate."""
        certificate = hashlib.sha256(self.der).digest() if self._context is not None else bytes(32)
        message = b"PyLingo identity v1\0" + self.challenge + certificate
        try:
            proof = base64.b64decode(hello.proof or "", validate=True)
            load_ssh_public_key((hello.identity or "").encode()).verify(proof, message)  # type: ignore[call-arg, union-attr]
        except (InvalidSignature, ValueError):
            return False
        return True

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError, FrameError), sock:
                sock.settimeout(10)
                if self._context is None:
                    self._talk(sock)
                else:
                    with self._context.wrap_socket(sock, server_side=True) as encrypted:
                        self._talk(encrypted)

    def _talk(self, sock: socket.socket) -> None:
        welcome = Welcome(1, "PyLingo/1.1.0", "guest-1", Limits(32_768, 4_096, 32, 64), FEATURES, self.challenge.hex())
        sock.sendall(encode(welcome))
        decoder = FrameDecoder()
        has_hello = False
        while data := sock.recv(65_536):
            self.bytes_of_strangers += 0 if has_hello else len(data)
            for body in decoder.feed(data):
                record = request_codec.decode(body)
                if isinstance(record, Hello):
                    has_hello = True
                    self.bytes_of_strangers = 0
                    self.hellos.append(record)
                    answer = self.answer(record)
                    sock.sendall(b"".join(map(encode, answer)))
                    if any(isinstance(frame, Goodbye) for frame in answer):
                        return
                    continue
                reply = _reply(record)
                if reply is not None:
                    sock.sendall(encode(reply))
                if isinstance(reply, Goodbye):
                    return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
