"""Makes the manual pages and the completions for shells when a wheel is built. Everything else is in `setup.cfg`."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build import build

TOOLS = ("argparse_manpage", "shtab", "msgpack")


class BuildWithPages(build):
    """The usual build, with the pages as data files. Without the tools for them, it leaves them out and says so."""

    def run(self) -> None:
        """Make the pages, and build."""
        missing = [tool for tool in TOOLS if importlib.util.find_spec(tool) is None]
        if missing:
            self.warn(f"the manual pages and completions are left out: {', '.join(missing)} is not installed")
        else:
            folder = Path(self.build_base, "pages")
            subprocess.run([sys.executable, "packaging/make_pages.py", str(folder)], check=True)
            made = [path for path in folder.rglob("*") if path.is_file()]
            self.distribution.data_files = [
                (str(path.parent.relative_to(folder)), [str(path)]) for path in sorted(made)
            ]
        super().run()


setup(cmdclass={"build": BuildWithPages})
