"""The start of each server that is compared, on loopback, with its limits raised so that none of them is met."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pylingo.client.bench.process import ServerChild
from pylingo.client.bench.scenarios import UNLIMITED

Started = tuple[subprocess.Popen[str], int]
"""A process, and its port."""


def free_port() -> int:
    """A port that is free at the moment, for servers that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def start_pylingo(folder: Path) -> Started:
    child = ServerChild((*UNLIMITED, "--max-per-address", "0"))
    return child.process, child.port


def start_pylingo_for_irc(folder: Path) -> Started:
    port = free_port()
    return ServerChild((*UNLIMITED, "--max-per-address", "0", "--irc-port", str(port))).process, port


def start_ngircd(folder: Path) -> Started:
    port = free_port()
    config = folder / "ngircd.conf"
    config.write_text(
        f"[Global]\nName = irc.example.org\nInfo = benchmark\nListen = 127.0.0.1\nPorts = {port}\n"
        "AdminEMail = admin@example.org\nMotdPhrase = hello\n"
        "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\n"
        "PingTimeout = 3600\nPongTimeout = 3600\n"
        "[Options]\nDNS = no\nIdent = no\nPAM = no\n"
    )
    return wait_for(["ngircd", "--nodaemon", "--config", str(config)], port)


def start_inspircd(folder: Path) -> Started:
    port = free_port()
    config = folder / "inspircd.conf"
    config.write_text(
        f'<bind address="127.0.0.1" port="{port}" type="clients">\n'
        '<connect allow="*" resolvehostnames="no" useident="no" fakelag="no" commandrate="1000000000" '
        'threshold="1000000" recvq="64M" softsendq="512M" hardsendq="1G" timeout="60" pingfreq="1h" '
        'localmax="100000" globalmax="100000" limit="100000" maxconnwarn="no">\n'
        '<performance softlimit="100000" somaxconn="4096" netbuffersize="65534" quietbursts="yes">\n'
        f'<log method="file" type="*" level="default" target="/dev/null"><pid file="{folder / "inspircd.pid"}">\n'
        '<server name="irc.example.org" description="benchmark" id="000" network="benchmark">\n'
    )
    as_root = ["--runasroot"] if os.getuid() == 0 else []
    return wait_for(["inspircd", "--nofork", "--config", str(config), *as_root], port)


def start_redis(folder: Path) -> Started:
    port = free_port()
    options = f"--port {port} --bind 127.0.0.1 --appendonly no --maxclients 19000 --tcp-backlog 4096 --daemonize no"
    limits = ["--save", "", "--client-output-buffer-limit", "pubsub 0 0 0", "--dir", str(folder)]
    return wait_for(["redis-server", *options.split(), *limits], port)


def start_nats(folder: Path) -> Started:
    port = free_port()
    config = (
        f'host: "127.0.0.1"\nport: {port}\nmax_connections: 19000\n'
        'max_pending: 1GB\nwrite_deadline: "60s"\nping_interval: "60m"\n'
    )
    return start_configured("nats-server", folder, config, port)


def start_mosquitto(folder: Path) -> Started:
    port = free_port()
    config = (
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n"
        "max_queued_messages 0\nset_tcp_nodelay true\n"
    )
    return start_configured("mosquitto", folder, config, port)


def start_configured(program: str, folder: Path, config: str, port: int) -> Started:
    """Start a server with a configuration file."""
    path = folder / f"{program}.conf"
    path.write_text(config)
    return wait_for([program, "-c", str(path)], port)


def start_script(*command: str) -> Callable[[Path], Started]:
    def start(folder: Path) -> Started:
        process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    return start


def wait_for(command: list[str], port: int) -> Started:
    """Start a server and wait until it answers; raises `RuntimeError` if it does not."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"{command[0]} did not start")
