"""Shared by all tests: a configuration of their own, default signals, and a run that says what it does."""

import collections
import contextlib
import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import alone, clustering, encrypting

if TYPE_CHECKING:
    from tests.redis_server import RedisProcess

hypothesis.settings.register_profile("pylingo", deadline=None)  # a busy machine may stop any example for a while
hypothesis.settings.load_profile("pylingo")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` starts: more than processors, as many tests wait for a deadline of the server."""
    processors = os.cpu_count() or 1
    return min(3 * processors, processors + 4)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how many processes run the tests, and which of them take long; `-q` leaves out pytest's own header."""
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not hasattr(config, "workerinput"):
        workers = getattr(config.option, "numprocesses", None) or 1
        reporter.write_line(
            f"pylingo: {workers} process(es) on {os.cpu_count()} CPUs, loopback only; the end-to-end tests (tests/e2e) "
            "start servers and terminals, and take longest"
        )
        if workers != 1:
            rewrite_once(config)


def rewrite_once(config: pytest.Config) -> None:
    """Have one process rewrite the assertions of all tests, before the workers would all do that at the same time.

    It takes most of the 14 s of processor time that collecting takes. If bytecode must not be written beside the
    sources, it is in a temporary folder.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        folder = os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="pylingo-bytecode-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", *config.args]
    subprocess.run(collect, cwd=config.invocation_params.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def pytest_collection() -> None:
    """Collect no garbage while the tests are collected: nearly everything that is made stays."""
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the runs of a test with `in_turn` that are not its turn."""
    items[:] = filter(is_its_turn, items)


def is_its_turn(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("in_turn")
    if mark is None:
        return True
    name, count, pairs = mark.args
    indices = item.callspec.indices  # type: ignore[attr-defined]
    return (indices["is_encrypted"], indices[name] % count) in pairs  # pytest counts on from one kind to the next


def pytest_collection_finish() -> None:
    """Leave the thousands of collected tests out of every later collection of garbage, which would take long."""
    gc.enable()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """Each test begins with the level of Python: a server that another one has reconfigured has set the root logger's.

    Lines that are logged and kept for a report would count as memory that a test measures.
    """
    logging.getLogger().setLevel(logging.WARNING)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the time went."""
    seconds: collections.Counter[str] = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = Path(report.nodeid.partition("::")[0]).parent.as_posix()
                seconds[folder] += report.duration  # type: ignore[assignment]
    if seconds.total() > 10:
        spent = ", ".join(f"{folder} {spent:.0f}" for folder, spent in seconds.most_common(5))
        terminalreporter.write_line(f"seconds of all processes: {seconds.total():.0f}, most in {spent}")


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither configuration, state, key nor known hosts of the user who runs the tests are read or changed."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("config", "state", "data"):
            patch.setenv(f"XDG_{kind.upper()}_HOME", str(tmp_path_factory.mktemp(kind)))
        yield


@pytest.fixture(autouse=True, scope="session")
def children_are_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """If bytecode must not be written beside the sources, children share it in a temporary folder.

    Otherwise each of the hundreds of servers and clients would compile all its modules.
    """
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            folder = tmp_path_factory.getbasetemp()
            if "PYTEST_XDIST_WORKER" in os.environ:  # the folder above is that of all processes
                folder = folder.parent
            patch.delenv("PYTHONDONTWRITEBYTECODE")
            patch.setenv("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
        yield


@pytest.fixture(autouse=True, scope="session")
def signals_are_not_ignored() -> None:
    """A shell makes its background jobs ignore SIGINT and SIGQUIT, `nohup` SIGHUP; every child would inherit that."""
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, handler in handlers.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RedisProcess]":
    """A Redis for all clusters of this process, which have different names."""
    from tests.redis_server import running

    with running(tmp_path_factory.mktemp("redis")) as process:
        yield process


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses `is_encrypted` without TLS and with it, or as its mark says. See `everywhere`."""
    own = any("is_encrypted" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "is_encrypted" in metafunc.fixturenames and not own:
        mark = metafunc.definition.get_closest_marker("runs")
        kinds = mark.args if mark is not None else ("plain", "tls")
        metafunc.parametrize("is_encrypted", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def is_encrypted(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the servers are encrypted: a test that uses this runs once with each."""
    if request.param == "cluster":
        with clustering(request.getfixturevalue("shared_redis").url):
            yield False
    else:
        yield request.param == "tls"


@pytest.fixture(autouse=True)
def others_are_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """`is_encrypted` lasts for several tests of a module, also for those between them that do not use it."""
    with contextlib.nullcontext() if "is_encrypted" in request.fixturenames else alone():
        yield


@pytest.fixture
def wire(
    is_encrypted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Servers that the test starts are plain, and in a second run encrypted."""
    if is_encrypted:  # clients remember the server, which must not outlive its port
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    with encrypting(is_encrypted):
        yield


@pytest.fixture
def redis(tmp_path: Path) -> "Iterator[RedisProcess]":
    """A Redis of the test's own, on a Unix socket; it keeps nothing on disk."""
    from tests.redis_server import running

    with running(tmp_path / "redis") as process:
        yield process
