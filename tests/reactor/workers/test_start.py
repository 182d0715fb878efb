"""A supervisor made from settings. That it serves is tested in `tests/e2e/test_workers_e2e.py`."""

import dataclasses
import os

import pytest

from pylingo.reactor.config import parse_arguments, with_data
from pylingo.reactor.program import Given, run
from pylingo.reactor.workers.start import make_supervisor, require_redis
from pylingo.shared.launch import LaunchError


class Supervisor:
    """Notes what it is made of."""

    def __init__(self, settings, count, command, reactor, has_others, inherited):
        self.count, self.command, self.has_others, self.inherited = count, command, has_others, inherited
        self.data = None

    def use_redis(self, data):
        self.data = data
        return "redis+unix:///socket"


@pytest.fixture
def made(monkeypatch, reactor):
    monkeypatch.setattr("pylingo.reactor.workers.start.Supervisor", Supervisor)
    return lambda *arguments, **more: make_supervisor(parse_arguments(arguments), arguments, "run.py", reactor, **more)


def test_workers_get_the_arguments_of_the_server(made):
    arguments = ["--workers", "2", "--cluster", "redis://localhost", "--burst", "7"]
    supervisor = made(*arguments)
    assert supervisor.command(2)[1:] == ["run.py", "worker", "2", *arguments]
    assert (supervisor.count, supervisor.has_others, supervisor.data) == (2, True, None)
    assert supervisor.inherited == {}


def test_workers_get_the_address_of_inherited_sockets(made):
    arguments = ["--workers", "2", "--cluster", "redis://localhost", "--host", "::1", "--port", "7"]
    supervisor = made(*arguments, inherited={"pylingo": ["socket"]})
    assert supervisor.command(1)[4:] == [*arguments, "--host", "::1", "--port", "7"]
    assert supervisor.inherited == {"pylingo": ["socket"]}


def test_workers_speak_irc_wherever_its_ports_come_from(made, reactor):
    arguments = ["--workers", "2", "--cluster", "redis://localhost"]
    settings = dataclasses.replace(parse_arguments(arguments), irc_port=("127.0.0.1", 6_667))
    supervisor = make_supervisor(settings, arguments, "run.py", reactor, {"irc": ["socket"]})
    assert supervisor.command(1)[4:] == [*arguments, "--irc-port", "127.0.0.1:6667"]


def test_workers_measure_wherever_the_port_of_metrics_comes_from(made, reactor):
    arguments = ["--workers", "2", "--cluster", "redis://localhost"]
    settings = dataclasses.replace(parse_arguments(arguments), metrics=("127.0.0.1", 9_464))
    supervisor = make_supervisor(settings, arguments, "run.py", reactor)
    assert supervisor.command(1)[4:] == [*arguments, "--metrics", "127.0.0.1:9464"]


def test_without_a_cluster_they_get_the_redis_in_the_data_folder(made, tmp_path):
    arguments = ["--workers", "3", "--data", str(tmp_path)]
    supervisor = made(*arguments)
    assert supervisor.command(1)[1:] == ["run.py", "worker", "1", *arguments, "--cluster", "redis+unix:///socket"]
    assert (supervisor.count, supervisor.has_others, supervisor.data) == (3, False, str(tmp_path))


def test_a_certificate_that_cannot_be_read_is_refused_before_any_worker_is_started(made):
    with pytest.raises(LaunchError, match="cannot read --tls-"):
        made("--workers", "1", "--cluster", "redis://h", "--tls-cert", "/nowhere/cert", "--tls-key", "/nowhere/key")


@pytest.mark.parametrize(
    ("missing", "where", "words"),
    [
        ("importlib.util.find_spec", ["--data", "new"], "a cluster needs hiredis"),
        ("importlib.util.find_spec", ["--cluster", "redis://h", "--data", "new"], "a cluster needs hiredis"),
        ("shutil.which", ["--data", "new"], "apt install redis-server"),
    ],
)
def test_without_a_package_or_a_program_no_folder_is_made(monkeypatch, tmp_path, missing, where, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(missing, lambda name: None)
    arguments = ["--workers", "1", "--port", "0", *where]
    with pytest.raises(LaunchError, match=words):
        run(with_data(parse_arguments(arguments)), None, Given(arguments, "run.py", {}))
    assert os.listdir(tmp_path) == []


def test_a_redis_elsewhere_needs_no_program_here(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    require_redis(parse_arguments(["--workers", "1", "--cluster", "redis://h"]))
