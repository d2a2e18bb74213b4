"""Set up a checkout: what `make run` needs, and with `--dev` what `make test` needs too.

Each step knows what it is made from and what it makes: its stamp holds a hash of the one, and it is
done again when that hash or the other is gone. So a second run only looks, and prints nothing.
Everything made here stays inside the checkout (.venv, target, web/node_modules and two built
artifacts); `make clean` takes it away again.

Standard library only, and it parses on Python 3.8, in order to tell an old Python so.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterable, Iterator, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMPS = VENV / "stamps"
EXTRAS = ("data", "postgres", "sweep", "alerts", "keyring", "aws", "gcp", "hashicorp")  # of tests
TOOLS = VENV / "tools.sh"  # the toolchain that was found, for the recipes of the Makefile
RUST = VENV / "rust"  # where Rust goes on a machine that has none
LOG = ROOT / "target" / "setup.log"
WEB = ROOT / "web"
PAGE = ROOT / "src" / "steelyard" / "dashboard" / "page"
REPORT = ROOT / "src" / "steelyard" / "cli" / "report_page"
LOCK = ROOT / "requirements.lock"
LOCK_APART = ROOT / "apart-requirements.lock"  # of groups that do not go with the others
# Groups, each in a folder of its own, and the lock that pins it: see pyproject.toml.
APART = {
    "binance-connector": LOCK,
    "coinbase-advanced-py": LOCK_APART,
    "moto": LOCK,
    "peers": LOCK,
}

PYTHON_MIN = (3, 11)  # requires-python in pyproject.toml
CARGO_MIN = (1, 89)  # rust-version in Cargo.toml
NODE_MIN = (20, 19)  # "engines" in web/package.json, whose gap is in find_node()

# Maturin refuses to choose between two environments; uv and Python heed the others.
FOREIGN = ("CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON")
LOG_TAIL_LINES = 15


class SetupError(Exception):
    """A step failed. The text says what the reader can do about it."""


class Step(NamedTuple):
    """One thing to make.

    `sources` are files and folders whose content decides whether it is stale; `makes` are glob
    patterns under the root that must each match something.
    """

    name: str
    title: str
    sources: list[Path]
    makes: list[str]
    act: Callable[[], None]


def main() -> int:
    """Bring the checkout up to date; return an exit code."""
    if sys.version_info < PYTHON_MIN:
        return start_newer_python()
    parser = argparse.ArgumentParser(description="Set up this checkout. Does only what is missing.")
    parser.add_argument("--dev", action="store_true", help="also what the tests and linters need")
    parser.add_argument("--again", metavar="STEP", help="do this step even if it is up to date")
    options = parser.parse_args()
    try:
        with one_at_a_time():
            LOG.unlink(missing_ok=True)
            for step in steps(dev=options.dev):
                bring_up_to_date(step, again=step.name == options.again)
            TOOLS.write_text(shell_exports())
    except SetupError as error:
        print(f"failed\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the next `make` goes on from here.", file=sys.stderr)
        return 130
    return 0


def steps(*, dev: bool) -> Iterator[Step]:
    """Yield the steps in order; each may rely on those before it."""
    pyproject, cargo = ROOT / "pyproject.toml", [ROOT / "Cargo.toml", ROOT / "Cargo.lock"]
    yield Step("venv", "Python environment", [], [".venv/bin/python"], make_venv)
    yield Step(
        "packages",
        "Python packages",
        [LOCK, pyproject],
        [".venv/bin/maturin"],
        lambda: install("build", extras=["data"]),
    )
    if dev:
        yield Step(
            "dev",
            "test tools",
            [LOCK, pyproject],
            [".venv/bin/pytest"],
            lambda: install("dev", extras=EXTRAS),
        )
        yield Step(
            "apart",
            "clients that share a name",
            [LOCK, LOCK_APART, pyproject],
            [f".venv/apart/{group}/*" for group in APART],
            install_apart,
        )
        yield Step("linters", "Rust linters", [], [], lambda: find_rust(linters=True))
    yield Step(
        "native",
        "native module (Rust, release build)",
        [pyproject, *cargo, ROOT / "rust"],
        [".venv/bin/steelyard", "src/steelyard/_native.abi3.so"],
        build_native,
    )
    if not (WEB / "index.html").exists():
        print("set-up: no web/index.html, so the dashboard page is left out")
        return
    manifest = [WEB / "package.json", WEB / "package-lock.json"]
    yield Step(
        "npm",
        "page packages (npm)",
        manifest,
        ["web/node_modules/.package-lock.json"],
        install_node_packages,
    )
    yield Step(
        "page",
        "pages of dashboard and reports (vite)",
        [WEB],
        [f"{PAGE.relative_to(ROOT)}/index.html", f"{REPORT.relative_to(ROOT)}/report.js"],
        build_pages,
    )


# --- steps ------------------------------------------------------------------------------------


def make_venv() -> None:
    """Create .venv anew with the Python that runs this script."""
    python = getattr(sys, "_base_executable", sys.executable)  # not the venv we are replacing
    run(
        *(python, "-m", "venv", "--clear", VENV),
        advice="On Debian and Ubuntu the module venv is a package: apt install python3-venv",
    )


def install(
    group: str, *, extras: Iterable[str] = (), folder: Path | None = None, lock: Path = LOCK
) -> None:
    """Install one dependency group; with extras of the project, what the project needs too.

    A folder takes it in instead of the environment; programs name it in PYTHONPATH.

    There is one lock for all groups but those that need other versions. Given as constraints with
    hashes required, it pins what is installed and refuses what it does not know, but installs
    nothing that was not asked for.
    """
    if not (BIN / "uv").exists():
        fetch_uv()
    asked = [word for extra in extras for word in ("--extra", extra)]
    what: list[str | Path] = ["-r", ROOT / "pyproject.toml", *asked] if asked else []
    where: list[str | Path] = ["--target", folder] if folder else []
    run(
        *(BIN / "uv", "pip", "install", "--no-progress", "--python", BIN / "python"),
        *("--require-hashes", "-c", lock, *what, "--group", group, *where),
        extra=uv_settings_from_pip(),
        advice="uv could not install the locked packages. Is the package index within reach? "
        "If this machine uses a mirror, name it in UV_DEFAULT_INDEX.\n"
        "After a change to the dependencies in pyproject.toml, say first: make lock",
    )


def install_apart() -> None:
    """Install the groups that cannot be beside the others."""
    shutil.rmtree(VENV / "apart", ignore_errors=True)  # nothing of an older version stays
    for group, lock in APART.items():
        install(group, folder=VENV / "apart" / group, lock=lock)


def fetch_uv() -> None:
    """Install uv by pip, which wants hashes as requirements: the lock's entry for uv is one."""
    entry = re.search(r"^uv==.*?(?=^\S)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    assert entry, f"no uv in {LOCK.name}"
    requirement = VENV / "uv.txt"
    requirement.write_text(entry.group())
    run(
        *(BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "-r", requirement),
        advice="pip could not fetch uv. Is the package index within reach from here?",
    )


def build_native() -> None:
    """Build rust/python and install the project into .venv, editable."""
    find_c_compiler()
    find_rust()
    run(
        # Without a group it would take the one named dev; build is there already, and offline
        # nothing can come in that is not locked.
        *(BIN / "maturin", "develop", "--release", "--uv", "--quiet", "--group", "build"),
        extra={"UV_OFFLINE": "1"},
        advice="The native module does not build. After a change to a Cargo.toml: make lock",
    )


def install_node_packages() -> None:
    """Install exactly what web/package-lock.json says; no package runs code of its own."""
    find_node()
    run(
        *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
        cwd=WEB,
        advice="npm could not install the page's packages. Is its registry within reach from here?",
    )


def build_pages() -> None:
    """Build web/ into the Python package: the dashboard's page, and that of a backtest's report."""
    find_node()
    for config, folder in (("vite.config.ts", PAGE), ("vite.report.config.ts", REPORT)):
        run(
            *(WEB / "node_modules" / ".bin" / "vite", "build", "--logLevel", "warn"),
            *("--config", config, "--outDir", folder, "--emptyOutDir"),
            cwd=WEB,
            advice="Vite could not build the page.",
        )


# --- tools of the machine ----------------------------------------------------------------------


def find_c_compiler() -> None:
    """Refuse early what Rust would refuse late and at length: it links with the C compiler."""
    compiler = os.environ.get("CC", "cc").split()[0]
    # macOS has a `cc` that only offers to install one.
    stub = sys.platform == "darwin" and output("xcode-select", "-p") is None
    if shutil.which(compiler) is None or stub:
        raise SetupError(
            "No C compiler, and Rust needs one to link with. Debian, Ubuntu: apt install "
            "build-essential; Fedora: dnf install gcc; macOS: xcode-select --install"
        )


def find_rust(*, linters: bool = False) -> None:
    """See to it that `environment()` has a cargo that is new enough; fetch one if need be."""
    wanted = ("clippy", "fmt") if linters else ()
    if version("cargo", "--version") >= CARGO_MIN and all(
        output("cargo", command, "--version") for command in wanted
    ):
        return
    if not (RUST / "cargo" / "bin" / "cargo").exists():
        install("rust")
        # The same bootstrap that maturin uses when pip builds a wheel on a machine without Rust.
        run(
            *(BIN / "python", "-m", "puccinialin", "--location", RUST),
            extra={"RUSTUP_INIT_SKIP_PATH_CHECK": "yes"},
            advice=f"This machine has no cargo {dotted(CARGO_MIN)} or newer, and it could not be "
            "downloaded.\nInstall Rust from rustup.rs or by your package manager, then make again.",
            quote_log=False,  # a page of frames about one refused connection
        )
    if linters:
        run(
            *("rustup", "component", "add", "clippy", "rustfmt"),
            advice="rustup could not add clippy and rustfmt.",
        )


def find_node() -> None:
    """See to it that `environment()` has a node that is new enough; fetch one if need be."""
    node = version("node", "--version")
    if node < NODE_MIN or (21, 0) <= node < (22, 12) or output("npm", "--version") is None:
        install("node")


def own_tools() -> tuple[list[str], dict[str, str]]:
    """Return the folders that come first in PATH, and the variables to set."""
    if not (RUST / "cargo" / "bin" / "cargo").exists():
        return [str(BIN)], {"VIRTUAL_ENV": str(VENV)}
    return [str(BIN), str(RUST / "cargo" / "bin")], {
        "VIRTUAL_ENV": str(VENV),
        "RUSTUP_HOME": str(RUST / "rustup"),
        "CARGO_HOME": str(RUST / "cargo"),
    }


def environment() -> dict[str, str]:
    """Return the environment in which steps run: our tools first, then the machine's."""
    folders, variables = own_tools()
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env["NO_COLOR"] = "1"  # the log is a file
    env["NODE_USE_SYSTEM_CA"] = "1"  # a node of our own should trust what the machine trusts
    path = os.pathsep.join([*folders, env.get("PATH", os.defpath)])
    return {**env, **variables, "PATH": path}


def shell_exports() -> str:
    """Return `environment()` as lines of shell, for the recipes of the Makefile."""
    folders, variables = own_tools()
    path = os.pathsep.join(map(shlex.quote, folders))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([f'export PATH={path}:"$PATH"', *exports, f"unset {' '.join(FOREIGN)}", ""])


def uv_settings_from_pip() -> dict[str, str]:
    """Translate pip's index and certificate for uv, which does not read pip's configuration."""
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "cert": "SSL_CERT_FILE",
    }
    settings = {}
    for line in (output(BIN / "python", "-m", "pip", "config", "list") or "").splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rpartition(".")[2])
        if name and name not in os.environ:
            settings[name] = value.strip("'\"").replace("\\n", " ")
    return settings


def start_newer_python() -> int:
    """Run this script again by a newer Python of this machine, or say what is missing."""
    for minor in range(14, PYTHON_MIN[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        # A version manager's shim may be there for a Python that is not.
        if found and output(found, "-c", "import venv") is not None:
            os.execv(found, [found, *sys.argv])  # noqa: S606 - replaces us, no shell wanted
    print(
        f"steelyard needs Python {dotted(PYTHON_MIN)} or newer; {sys.executable} is "
        f"{dotted(sys.version_info[:2])}.\nInstall a newer one, or name one that you have: "
        "make PYTHON=/path/to/python3",
        file=sys.stderr,
    )
    return 1


# --- how a step runs ---------------------------------------------------------------------------


def bring_up_to_date(step: Step, *, again: bool = False) -> None:
    """Do the step if it is stale."""
    stamp = STAMPS / step.name
    wanted = fingerprint(step.sources)
    made = all(any(ROOT.glob(pattern)) for pattern in step.makes)
    if not again and made and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"set-up: {step.title} ... ", end="", flush=True)
    start = time.monotonic()
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        log.write(f"\n=== {step.title}\n")
    stamp.unlink(missing_ok=True)
    step.act()
    # Only now, and as read before: what was interrupted or changed meanwhile is done again.
    STAMPS.mkdir(exist_ok=True)
    stamp.write_text(wanted)
    print(f"{time.monotonic() - start:.1f} s", flush=True)


def fingerprint(sources: Iterable[Path]) -> str:
    """Return a hash of the Python version and of all content below the sources.

    Content, not times: git touches what it checks out, and a rebuild costs more than reading.
    """
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for source in sources:
        for path in sorted(files_below(source)):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def files_below(source: Path) -> Iterator[Path]:
    """Yield the source itself if it is a file, or the files in it that somebody wrote."""
    if source.is_file():
        yield source
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in {"node_modules", "target", "dist"}]
        yield from (Path(folder) / name for name in names if not name.endswith(("~", ".swp")))


def run(
    *words: str | Path,
    advice: str,
    quote_log: bool = True,
    cwd: Path = ROOT,
    extra: dict[str, str] | None = None,
) -> None:
    """Run a command with its output in the log; raise SetupError if it fails."""
    command = [str(word) for word in words]
    with LOG.open("a") as log:
        log.write(f"$ {shlex.join(command)}\n")
        log.flush()
        try:
            done = subprocess.run(
                command,
                cwd=str(cwd),
                env={**environment(), **(extra or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        except OSError as error:
            raise SetupError(f"{error}. {advice}") from error
    if done.returncode != 0:
        log_name = LOG.relative_to(ROOT)
        more = f"{log_name} ends:\n{log_tail()}" if quote_log else f"More in {log_name}."
        raise SetupError(f"{advice}\n{more}")


def output(*words: str | Path) -> str | None:
    """Return what a command prints, or None if it is not there or fails."""
    name, *arguments = [str(word) for word in words]
    env = environment()
    program = shutil.which(name, path=env["PATH"])
    if program is None:
        return None
    done = subprocess.run(
        [program, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


def version(*words: str | Path) -> tuple[int, ...]:
    """Return the first dotted number a command prints; the empty tuple, older than any, if none."""
    found = re.search(r"(\d+)\.(\d+)", output(*words) or "")
    return tuple(map(int, found.groups())) if found else ()


def log_tail() -> str:
    """Return the last lines of the log, indented, without the colors that some tools insist on."""
    text = re.sub(r"\x1b\[[\d;]*m", "", LOG.read_text(errors="replace"))
    return "\n".join(f"    {line}" for line in text.splitlines()[-LOG_TAIL_LINES:])


def dotted(numbers: Iterable[int]) -> str:
    """Return (3, 11) as 3.11."""
    return ".".join(map(str, numbers))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other set-up runs in this checkout."""
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("set-up: waiting for another set-up in this checkout", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
