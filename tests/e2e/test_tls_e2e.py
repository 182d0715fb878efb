"""An encrypted server, met by openssl, by old and new versions, by plain peers, and by all that stops half way."""

# Runs once: all servers here are encrypted, or are met by a client that expects them to be.

import contextlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pylingo import Client
from pylingo.client.bench.certificate import make_certificate
from pylingo.client.disconnection import why_no_connection
from pylingo.shared.codec import encode
from pylingo.shared.framing import FrameDecoder
from pylingo.shared.messages import Command, Goodbye, Hello, Left, Message, PingRequest, Pong, Say, Sent, Welcome
from tests.fakes.tls import certificate, der, trusting
from tests.support import DEADLINE, ROOT, Peer, ServerProcess, decode_event, wait_until

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="there is no openssl to connect with")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--rate", "0", "--log-level", "debug", tls=True) as server:
        yield server


@pytest.fixture
def chat(server: ServerProcess, request: pytest.FixtureRequest) -> Iterator[list[Peer]]:
    """Two who chat in a room of their own; whatever a third one does costs them nothing."""
    with server.peers(2, room=f"room{abs(hash(request.node.name))}") as peers:
        yield peers
        one, two = peers
        one.send(Say("still here"))
        assert [record for record in (two.recv(),) if isinstance(record, Message)], "the others missed a message"
        assert one.fence() == two.fence() == []


def raw(server: ServerProcess) -> socket.socket:
    return socket.create_connection((server.host, server.port), timeout=DEADLINE)


def all_of(sock: socket.socket) -> bytes:
    """Everything up to the end of the stream."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65_536):
            data += piece
    return data


def last_of(received: bytes) -> Goodbye:
    """The last frame, which must be a goodbye."""
    *_, last = map(decode_event, FrameDecoder().feed(received))
    assert isinstance(last, Goodbye), last
    return last


def s_client(server: ServerProcess, *options: str, said: bytes = b"") -> str:
    """Run `openssl s_client` until the server or the end of its input ends it; returns what it printed."""
    assert OPENSSL is not None
    command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", certificate()[0], *options]
    done = subprocess.run(command, input=said, capture_output=True, timeout=DEADLINE, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


# --- openssl


@needs_openssl
def test_openssl_connects_and_shows_the_chain(server: ServerProcess, chat: list[Peer]) -> None:
    shown = s_client(server, "-showcerts", "-verify_return_error", "-verify_ip", "127.0.0.1")
    assert "Verify return code: 0 (ok)" in shown
    assert "TLSv1.3" in shown
    assert ssl.PEM_cert_to_DER_cert(shown[shown.index(ssl.PEM_HEADER) : shown.index(ssl.PEM_FOOTER) + 25]) == der()


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(server: ServerProcess, chat: list[Peer], version: str) -> None:
    shown = s_client(server, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in shown
    assert "Cipher is (NONE)" in shown


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_by_its_ticket(server: ServerProcess, tmp_path: Path, version: str) -> None:
    ticket = str(tmp_path / "ticket.pem")
    farewell = encode(Command("close"))  # the server ends the stream, so s_client has seen the ticket by then
    assert "New, TLS" in s_client(server, version, "-sess_out", ticket, "-ign_eof", said=farewell)
    assert "Reused, TLS" in s_client(server, version, "-sess_in", ticket, "-ign_eof", said=farewell)


@contextlib.contextmanager
def typing(server: ServerProcess, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`openssl s_client`, which acts on letters such as K at the start of its input."""
    assert OPENSSL is not None
    command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def shows(process: subprocess.Popen[bytes], wanted: bytes) -> None:
    """Read what openssl prints until it has printed `wanted`."""
    assert process.stdout is not None
    shown = b""
    while wanted not in shown:
        piece = process.stdout.read1(65_536)  # type: ignore[attr-defined]
        assert piece, f"openssl has ended after {shown!r}"
        shown += piece


def types(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


@needs_openssl
def test_keys_are_renewed_in_the_middle_of_the_talk(server: ServerProcess, chat: list[Peer]) -> None:
    """With K, openssl renews its keys and asks for new ones of the server, which must write to read on."""
    with typing(server, "-tls1_3") as process:
        shows(process, b"welcome")
        for number in (7, 8, 9):
            types(process, b"K\n")
            shows(process, b"KEYUPDATE")
            types(process, encode(PingRequest(number)))
            shows(process, encode(Pong(number)))


@needs_openssl
def test_renegotiation_is_refused(server: ServerProcess, chat: list[Peer]) -> None:
    with typing(server, "-tls1_2") as process:
        shows(process, b"welcome")
        types(process, b"R\n")
        shows(process, b"no renegotiation")


def test_tls_1_2_is_good_enough(server: ServerProcess, chat: list[Peer]) -> None:
    context = trusting(maximum_version=ssl.TLSVersion.TLSv1_2)
    with context.wrap_socket(raw(server), server_hostname="127.0.0.1") as sock:
        assert sock.version() == "TLSv1.2"
        sock.sendall(encode(Command("close")))
        assert last_of(all_of(sock)).reason == "close"


# --- peers that do not speak TLS


@pytest.mark.parametrize(
    "said",
    [
        encode(Hello(1, "ada")),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-x\r\n",
        bytes(range(32, 256)) * 100,
        b"\0",
    ],
    ids=["frames", "HTTP", "SSH", "garbage", "a byte"],
)
def test_a_peer_without_tls_is_told_so_in_plain(server: ServerProcess, chat: list[Peer], said: bytes) -> None:
    with raw(server) as sock:
        sock.sendall(said)
        received = all_of(sock)
    assert received.count(b"goodbye") == 1
    assert b"reason\xa3tls" in received
    assert b"welcome" not in received


def test_our_own_plain_client_says_what_it_was_told(server: ServerProcess) -> None:
    client = Client("127.0.0.1", server.port, "ada", retry=0)
    words = "here is encrypted: connect with the link that the server printed, or to pylingo://here"
    assert refusal(client) == words
    assert client.goodbye is not None
    assert client.goodbye.reason == "tls"


def refusal(client: Client) -> str:
    """The sentence with which connecting fails, about a server called `here`."""
    with pytest.raises(ConnectionError) as caught:
        client.connect()
    client.reactor.close()
    words = why_no_connection(client.status.error, client.goodbye, "here")
    where = str(caught.value).partition("127.0.0.1:")[2].split()[0].rstrip(";:,")
    assert str(caught.value).replace(f"127.0.0.1:{where}", "here") == words
    return words


@pytest.mark.parametrize(
    "said", [b"\x16garbage", b"\x16\x03\x01\xff\xff" + bytes(70_000), b"\x16\x03\x01\0\5\1\0\0\1x"]
)
def test_garbage_that_begins_like_tls(server: ServerProcess, chat: list[Peer], said: bytes) -> None:
    with raw(server) as sock:
        with contextlib.suppress(OSError):  # it is closed while we send
            sock.sendall(said)
            sock.shutdown(socket.SHUT_WR)
        assert b"goodbye" not in all_of(sock)


def test_garbage_in_the_middle_of_an_encrypted_talk(server: ServerProcess, chat: list[Peer]) -> None:
    with Peer(server.port) as peer:
        peer.join("tea")
        with Peer(server.port) as witness:
            witness.join("tea")
            witness.fence()
            socket.socket.sendall(peer.sock, b"\x17\x03\x03\0\x20" + bytes(32))
            witness.expect(Left, name=peer.name, reason="lost")


def test_a_missing_close_notify_is_the_end_of_a_stream(server: ServerProcess, chat: list[Peer]) -> None:
    one, two = chat
    with Peer(server.port) as peer:
        peer.send(PingRequest(1))
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
        peer.expect(Pong, re=1)  # its half of the connection is whole
        assert peer.recv() is None
    assert one.fence() == two.fence() == []


def test_the_server_ends_its_streams_with_close_notify(server: ServerProcess) -> None:
    with trusting().wrap_socket(raw(server), server_hostname="127.0.0.1", suppress_ragged_eofs=False) as sock:
        sock.sendall(encode(Command("close")))
        assert last_of(all_of(sock)).reason == "close"


# --- our own client


def test_a_bot_over_tls(server: ServerProcess) -> None:
    with (
        Client("127.0.0.1", server.port, "bot", "bots", tls=trusting()) as bot,
        Peer(server.port) as peer,
    ):
        peer.join("bots")
        frames = bot.frames()
        assert any(isinstance(frame, Welcome) for frame in frames)
        bot.say("hello")
        assert any(isinstance(frame, Sent) for frame in frames)
        assert bot.certificate == der()
        peer.until(Message, text="hello")


@pytest.mark.parametrize(
    ("context", "name", "words"),
    [
        (ssl.create_default_context, None, "the certificate of here is its own issuer, and nobody else vouches for it"),
        (trusting, "chat.example.org", "the certificate of here is for another host"),
    ],
)
def test_a_certificate_that_the_client_refuses(
    server: ServerProcess, context: Any, name: str | None, words: str
) -> None:
    assert refusal(Client("127.0.0.1", server.port, retry=0, tls=context(), server_hostname=name)) == words


def test_a_client_with_tls_at_a_plain_port() -> None:
    with ServerProcess(tls=False) as plain:
        for _ in range(10):  # whether the server speaks before our hello is a race
            words = refusal(Client("127.0.0.1", plain.port, retry=0, tls=trusting()))
            assert words.startswith("here does not speak TLS: ")


def test_a_client_with_tls_that_is_refused_in_plain() -> None:
    with ServerProcess("--max-connections", "1", tls=True) as full, Peer(full.port):
        for _ in range(10):
            client = Client("127.0.0.1", full.port, retry=0, tls=trusting())
            assert refusal(client).startswith("here ended the connection: the server has no place")
            assert client.goodbye is not None
            assert client.goodbye.reason == "full"


# --- limits, reload, the end


def test_a_handshake_counts_for_its_address_from_the_accept_on() -> None:
    options = ("--exempt", "none", "--max-per-address", "2")
    with ServerProcess(*options, tls=True) as server, raw(server) as first, raw(server) as second:
        first.sendall(b"\x16")
        with Peer(server.port, greet=False, tls=False) as late:
            late.expect(Goodbye, reason="address-limit")
        first.close()
        second.close()
        with wait_until(lambda: admitted(server), "a place that is free again") as peer:
            assert peer.fence() == []


def admitted(server: ServerProcess) -> Peer | None:
    try:
        return Peer(server.port)
    except (ssl.SSLError, ConnectionError):
        return None


def test_a_server_with_handshakes_under_way_stops_at_once() -> None:
    with ServerProcess("--drain-timeout", "60", tls=True) as server, contextlib.ExitStack() as stack:
        for number in range(20):
            stack.enter_context(raw(server)).sendall(b"\x16\x03\x01"[: number % 4])
        with Peer(server.port) as peer:
            assert server.process.poll() is None
            server.process.send_signal(signal.SIGTERM)
            peer.expect(Goodbye, reason="shutdown")
        assert server.process.wait(DEADLINE) == 0


def of_server(server: ServerProcess) -> bytes:
    """The certificate that the server shows now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(raw(server)) as sock:
        return sock.getpeercert(binary_form=True) or b""


def hang_up(server: ServerProcess, words: str) -> None:
    before = server.log().count(words)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log().count(words) > before, words)


def test_sighup_takes_a_new_certificate_and_ends_nobody(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    with ServerProcess("--tls-cert", cert, "--tls-key", key) as server:
        first = ssl.PEM_cert_to_DER_cert(Path(cert).read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw(server)) as old:
            assert of_server(server) == first
            make_certificate(tmp_path)
            hang_up(server, "the configuration was read again: the certificate is a new one")
            second = ssl.PEM_cert_to_DER_cert(Path(cert).read_text())
            assert of_server(server) == second != first

            Path(key).write_text("nothing")
            hang_up(server, f"the configuration is unchanged: there is no private key in --tls-key {key}")
            assert of_server(server) == second
            Path(cert).unlink()
            hang_up(server, f"the configuration is unchanged: cannot read --tls-cert {cert}")
            assert of_server(server) == second

            old.sendall(encode(Command("close")))
            assert last_of(all_of(old)).reason == "close"


@pytest.mark.parametrize("wrong", ["--tls-cert", "--tls-key"])
def test_a_server_whose_certificate_cannot_be_used_does_not_start(tmp_path: Path, wrong: str) -> None:
    files = dict(zip(("--tls-cert", "--tls-key"), certificate(), strict=True)) | {wrong: str(tmp_path / "gone.pem")}
    options = [part for pair in files.items() for part in pair]
    command = [sys.executable, str(ROOT / "reactor" / "run.py"), "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"pylingo-server: cannot read {wrong} .*gone\.pem: No such file or directory\n", done.stderr)
