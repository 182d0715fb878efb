"""The program of a server with `--workers N`, each a chat of its own. `--redis DIR` starts a Redis before them."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from pylingo.reactor.config import parse_arguments  # noqa: E402
from pylingo.reactor.engine.loop import Reactor  # noqa: E402
from pylingo.reactor.log_start import start_log  # noqa: E402
from pylingo.reactor.reload import Reload  # noqa: E402
from pylingo.reactor.start import wait_for_host  # noqa: E402
from pylingo.reactor.workers.process import worker_command  # noqa: E402
from pylingo.reactor.workers.supervisor import Supervisor  # noqa: E402
from pylingo.shared.launch import launch  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--redis")
    parser.add_argument("--program", default=str(ROOT / "reactor" / "run.py"))
    known, arguments = parser.parse_known_args()
    settings = parse_arguments(arguments)
    start_log(settings.log_level)
    reactor = Reactor()
    supervisor = Supervisor(
        settings, known.workers, lambda number: worker_command(known.program, number, arguments), reactor
    )
    if known.redis is not None:
        supervisor.use_redis(known.redis)
    targets = wait_for_host(reactor, settings.host, settings.port)
    supervisor.obey_signals(Reload(supervisor, arguments).request)
    print(f"listening on {supervisor.start(targets)}", flush=True)
    supervisor.serve()
    return 0


if __name__ == "__main__":
    sys.exit(launch("pylingo-server", main))
