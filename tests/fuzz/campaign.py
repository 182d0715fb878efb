"""The command line that the fuzzers share. It needs atheris, which the tests do without."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("the fuzzer takes atheris: pip install atheris")

MOST_SECONDS = 24 * 3_600


def instrument(*packages: str) -> contextlib.AbstractContextManager[object]:
    """What is imported of these packages within the context guides the fuzzer."""
    watching: contextlib.AbstractContextManager[object] = atheris.instrument_imports(include=[*packages])
    return watching


def run(description: str, one_input: Callable[[bytes], None], corpus: Path, most_bytes: int) -> None:
    """Fuzz `one_input`, from the inputs in `corpus` on, with at most `most_bytes`. It ends the process."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--seconds", type=int, default=60, help="how long (%(default)s)")
    parser.add_argument(
        "--keep", metavar="FOLDER", help="where inputs are kept that reach something new, and findings (a new folder)"
    )
    options = parser.parse_args()
    seconds = max(1, min(options.seconds, MOST_SECONDS))
    folder = Path(options.keep or tempfile.mkdtemp(prefix="fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{seconds} s; what is found is kept in {folder}", flush=True)
    flags = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder}/finding-",
        f"-max_len={most_bytes}",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        "-close_fd_mask=0",
    ]
    atheris.Setup([sys.argv[0], *flags, str(folder), str(corpus)], one_input)
    atheris.Fuzz()
