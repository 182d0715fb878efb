"""Nothing that the loop runs may wait for anything but a peer: no call that can block, outside a list with reasons.

The calls are read with `ast`, by the name that their module was imported under. A disk that hangs, a terminal under
^S, a name server that is away: each of them would hold up everybody.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reactor", "shared", "client")

BUILTINS = {"print", "input", "open", "breakpoint"}
MODULES = {"subprocess", "shutil", "tempfile", "urllib.request", "http.client", "getpass", "requests"}
"""Whatever is called of these."""
OF_OS = """
    open read write popen system wait waitpid fsync fdatasync stat lstat listdir scandir makedirs mkdir rename replace
    remove unlink rmdir link symlink access chmod path.exists path.isfile path.isdir path.samefile path.getsize
    path.getmtime path.realpath
"""
FUNCTIONS = {
    *("time.sleep", "select.select", "select.poll", "fcntl.flock", "fcntl.lockf", "sqlite3.connect", "tomllib.load"),
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getfqdn"),
    *("socket.create_connection", "signal.pause", "signal.sigwait", "termios.tcdrain"),
    *(f"os.{name}" for name in OF_OS.split()),
}
METHODS = {
    *("read_text", "write_text", "read_bytes", "write_bytes", "readline", "readlines", "sendall", "communicate"),
    *("getaddrinfo", "fsync", "is_file", "is_dir", "exists", "mkdir", "touch", "unlink"),
}
"""Of whatever object: what blocks on files, pipes and paths."""

START = "before the loop, which nobody waits for yet"
THREAD = "in a thread of its own"
END = "after the loop"
NULL = "the null device, which never waits"
TOOL = "a tool: it waits for the server that it has started, and nobody waits for it"
OWN = "a file of the one person whom this client is for; no other is kept waiting"

ALLOWED = {
    "client.bench": TOOL,
    "client.benchmark": TOOL,
    "client.chat": START,
    "client.options": START,
    "client.line_input:LineInput.handle": "a terminal opened not to wait, a ready pipe, or a file of the person",
    "client.plain:Plain._print": "its one reader, whom it is there for, and only once that one can take something",
    "client.plain:_discard": NULL,
    "client.identity": OWN,
    "client.input_history": OWN,
    "client.known_hosts": OWN,
    "client.locked_file": OWN,
    "client.prompt": "the person, who is asked for a secret, and who has no connection meanwhile",
    "client.settings": OWN,
    "client.state": OWN,
    "client.terminal.external_editor": f"{OWN}; it waits for the editor {END}, for at most a second",
    "client.terminal.files": OWN,
    "client.terminal.last_run": START,
    "client.terminal.transcript": OWN,
    "client.descriptor:OwnDescriptor.__init__": "a terminal, opened not to wait",
    "client.terminal.tty:Tty.leave": f"{END}, for at most a second",
    "client.terminal.tty:Tty._read": "a descriptor that does not wait",
    "client.terminal.tty:Tty._push": "a descriptor that does not wait",
    "client.terminal.window:Window.run": END,
    "client.zone": "the system's own file, at most once a second, for the one person whom this client is for",
    "reactor.administer": "commands of their own, without a loop",
    "reactor.backup": "a command of its own, without a loop",
    "reactor.bus.redis.library:source": f"{START}; later from memory",
    "reactor.bus.redis.people:library": f"{START}; later from memory",
    "reactor.bus.redis.redaction:script": "a small file of the program, at the first redaction; later from memory",
    "reactor.cluster_status": "a command of its own, in whose loop nobody waits",
    "reactor.cluster_commands": "commands of their own, in whose loop nobody waits",
    "reactor.check": "a command of its own, without a loop",
    "reactor.probe": "for a command of its own, without a loop",
    "reactor.control:Control.__init__": START,
    "reactor.control:Control.close": END,
    "reactor.control:ask": "for commands of their own, without a loop",
    "reactor.history.database": THREAD,
    "reactor.history.searcher:_rest": THREAD,
    "reactor.history.writer": THREAD,
    "reactor.certificates:_read": f"{START}; later by `Reload`, {THREAD}",
    "reactor.config:read_file": f"{START}; later by `Reload`, {THREAD}",
    "reactor.engine.coalescing:UrgentDescriptors.__init__": "it makes the object, and waits for nothing",
    "reactor.engine.dial:resolve": f"{THREAD} by `Resolver`; otherwise for addresses, which need no name server",
    "reactor.engine.listener:_spare_descriptor": NULL,
    "reactor.engine.loop:Reactor._select": "10 ms, if there is no memory to wait for anything else",
    "reactor.engine.wakeup:Wakeup.wait_writable": "for the plain client, which waits for its reader; a signal ends it",
    "reactor.log": THREAD,
    "reactor.log_start:_open": f"{START}; later by the log's writer, {THREAD}",
    "reactor.old_history": "a command of its own, without a loop",
    "reactor.people.look_alikes:prototypes": f"{START}: `prepare` reads it",
    "reactor.people.data_dir": START,
    "reactor.people.files": f"{START}; later {THREAD}, of `Reload` or of `StateFile`",
    "reactor.run": START,
    "reactor.start": f"{START}, or once before it begins",
    "reactor.succession.child:Child.__init__": "a few milliseconds, once in an upgrade",
    "reactor.workers.channel:channel_of_stdin": START,
    "reactor.workers.children:Children.end": f"{END}, for processes that were killed",
    "reactor.workers.children:Children.reap": "with WNOHANG, so for nothing",
    "reactor.workers.children:Children.start": "a few milliseconds; the workers serve meanwhile",
    "reactor.workers.redis_log": "a pipe that is made non-blocking",
    "reactor.workers.redis_server:find_redis_server": START,
    "shared.files:open_private": f"for the history {THREAD}; for a client, the person's own file",
    "shared.files:sync_folder": f"{START}; later {THREAD}, of the history or of `StateFile`",
    "shared.launch": f"{START}, or {END}",
    "shared.names:script_table": f"{START}: `prepare` reads it",
}
"""By module or package, or by `module:function`."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(tree: ast.AST) -> dict[str, str]:
    """The full name of each name that a module imports."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """The full name of what is called; empty for what is no name."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attr) if before := dotted(value, names):
            return f"{before}.{attr}"
    return ""


def is_blocking(call: ast.Call, names: dict[str, str]) -> str:
    """The blocking function that is called; empty if the call does not block."""
    name = dotted(call.func, names)
    if name in BUILTINS | FUNCTIONS or any(name.startswith(f"{module}.") for module in MODULES):
        return name
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
        return f".{call.func.attr}"
    return ""


def blocking_calls(source: str) -> Iterator[tuple[str, str, int]]:
    """The blocking calls: the function that contains each (dotted for a method), the name called, and the line."""
    tree = ast.parse(source)
    names = imported(tree)

    def walk(node: ast.AST, where: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
        for child in ast.iter_child_nodes(node):
            inner = where
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = (*where, child.name)
            elif isinstance(child, ast.Call) and (what := is_blocking(child, names)):
                yield ".".join(where), what, child.lineno
            yield from walk(child, inner)

    yield from walk(tree, ())


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@functools.cache
def found() -> dict[str, list[str]]:
    """All blocking calls by `module:function`."""
    calls: dict[str, list[str]] = {}
    for path in SOURCES:
        for where, what, line in blocking_calls(path.read_text(encoding="utf-8")):
            calls.setdefault(f"{module_name(path)}:{where}", []).append(f"{what} in line {line}")
    return calls


def covers(allowed: str, where: str) -> bool:
    return where == allowed or where.startswith((f"{allowed}:", f"{allowed}."))


def test_nothing_in_the_loop_blocks_but_what_has_a_reason() -> None:
    unknown = {where: what for where, what in found().items() if not any(covers(one, where) for one in ALLOWED)}
    assert unknown == {}, "have a thread do it, or say in ALLOWED why nobody waits for it"


def test_every_exception_is_still_one() -> None:
    assert [one for one in ALLOWED if not any(covers(one, where) for where in found())] == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("print('x')", "print"),
        ("import time\ndef f():\n    time.sleep(1)", "time.sleep"),
        ("from time import sleep as rest\nrest(1)", "time.sleep"),
        ("import os as system\nsystem.write(1, b'')", "os.write"),
        ("import os.path\nos.path.exists('x')", "os.path.exists"),
        ("import subprocess\nsubprocess.run(['x'])", "subprocess.run"),
        ("from subprocess import Popen\nPopen('x')", "subprocess.Popen"),
        ("with open('x') as file:\n    pass", "open"),
        ("path.read_text()", ".read_text"),
        ("f = lambda: socket.getaddrinfo('x', 1)\nimport socket", "socket.getaddrinfo"),
    ],
)
def test_a_blocking_call_is_found(source: str, what: str) -> None:
    assert [found for _, found, _ in blocking_calls(source)] == [what]


@pytest.mark.parametrize("source", ["self.print('x')", "sock.recv(1)", "def open(): ...", "os.getpid()", "','.join(x)"])
def test_other_calls_are_not(source: str) -> None:
    assert list(blocking_calls(source)) == []
