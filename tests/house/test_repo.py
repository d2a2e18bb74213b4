"""What is committed holds for every machine: no paths, hosts or secrets of one, nothing huge."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.house.source import ROOT, complain

SIZE_MAX_BYTES = 1_000_000

MACHINE_PATH = re.compile(
    r"(?<![\w.~-])/(?:root|work|home/[a-z]\w*|Users/[A-Za-z]\w*|private/var)/"
    r"|[A-Z]:\\\\?Users\\"
)
REGISTRY = re.compile(
    r"pypi\.org/simple|files\.pythonhosted\.org|registry\.(?:npmjs|yarnpkg)\."
    r"|(?:index|static)\.crates\.io|artifact[o]ry|/nex[u]s/|verdacci[o]|codeartifac[t]|\.pkg\.dev"
    r"|--(?:extra-)?index-url|--find-link[s] "
)
SECRETS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "AWS key": re.compile(r"\bAKIA(?!\w*EXAMPLE)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_\w{36}|github_pat_\w{30})"),
    "Slack token": re.compile(r"\bxox[abprs]-[\w-]{10}|hooks\.slack\.com/services/T\w+/"),
    "Google key": re.compile(r"\bAIza[\w-]{35}\b"),
    "secret in the code": re.compile(
        r"(?i)(?:secret|passphrase|password|token|api_?key)\w*[\"']?\s*[=:]\s*"
        r"[\"'](?=\S*\d)(?=\S*[a-z])[\w+/=-]{24,}[\"']"
    ),
}
# Tests hold vectors that venues have published, which look like what they stand for.
MAY_LOOK_SECRET = re.compile(r"^tests/|/samples/")

# path: why it may hold what it holds.
EXCEPTIONS: dict[str, str] = {}

# A name that Cargo writes for the default registry wherever it downloads from.
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def committed() -> list[Path]:
    """Return what is in the repository or would be after `git add .`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def complaints(name: str, content: bytes) -> list[str]:
    """Return what a file, by its path in the repository, must not hold."""
    if len(content) > SIZE_MAX_BYTES:
        return [f"{name}: {len(content):,} bytes; keep data outside, and a way to get it inside"]
    if b"\0" in content:
        return []
    wanted = {"a path of one machine": MACHINE_PATH, "the address of a package registry": REGISTRY}
    if not MAY_LOOK_SECRET.search(name):
        wanted |= {f"looks like a {what}": pattern for what, pattern in SECRETS.items()}
    text = content.decode(errors="replace")
    return [
        f"{name}:{number}: {what}"
        for what, pattern in wanted.items()
        if pattern.search(text)  # few have any
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def lock_complaints(name: str, text: str) -> list[str]:
    """Return where a lock says from where to download, or does not say what must arrive."""
    if name.endswith("package-lock.json"):
        packages = json.loads(text)["packages"]
        return [
            f"{name}: {package} has an address or no integrity; see omit-lockfile-registry-resolved"
            for package, entry in packages.items()
            if package
            and not entry.get("link")
            and ("resolved" in entry or "integrity" not in entry)
        ]
    found = []
    if "://" in text.replace(CRATES_IO, ""):
        found.append(f"{name}: holds an address")
    if name.endswith("requirements.lock"):
        # A hash on the next line, and none left out by a pin to a file or a branch.
        unpinned = re.findall(r"(?m)^(?!#)(\S+)(?:(?!==)[^\n])*$(?!\n    --hash=)", text)
        found += [f"{name}: {entry} is not pinned by hash" for entry in unpinned]
    return found


def test_nothing_of_one_machine_is_committed():
    """No path, registry or secret of whoever wrote it, and no file over a megabyte."""
    found = []
    for path in committed():
        name = path.relative_to(ROOT).as_posix()
        if name not in EXCEPTIONS:
            found += complaints(name, path.read_bytes())
    complain(found, "Take these out (a secret: revoke it first), or say why in EXCEPTIONS:")


def test_locks_pin_content_and_name_no_place():
    """Any registry or mirror may serve a set-up, and none can change what arrives."""
    locks = [
        *ROOT.glob("*requirements.lock"),
        ROOT / "Cargo.lock",
        *ROOT.glob("web/package-lock.json"),
    ]
    complain(
        [line for lock in locks for line in lock_complaints(lock.name, lock.read_text())],
        "Write the locks by `make lock`:",
    )


@pytest.mark.parametrize(
    "line",
    [
        # in two parts, because this file is committed too
        "DATA = '/ho" + "me/ann/data'",
        "see /ro" + "ot/x",
        "/Us" + "ers/ann/x",
        "C:\\Us" + "ers\\ann",
        "index = 'https://pypi" + ".org/simple'",
        "--index" + "-url x",
        "-----BEGIN EC PRIVATE" + " KEY-----",
        "-----BEGIN PRIVATE" + " KEY-----",
        "key = AKI" + "A1234567890ABCDEF",
        "ghp" + "_0123456789abcdefghijklmnopqrstuvwxyz",
        "api_secret = '" + "0a1b2c3d" * 4 + "'",
        '"secretKey": "' + "0a1b2c3d" * 4 + '"',
    ],
)
def test_a_trace_of_a_machine_is_seen(line: str):
    """The rule fails where it should."""
    assert complaints("src/sample.py", line.encode())


@pytest.mark.parametrize(
    "line",
    [
        "https://example.com/home/ann/",
        "~/.config/steelyard",
        "open /api/v1/orders",
        "key = 'vault:binance/dip'",
        "secret = secret_of(account)",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_an_ordinary_line_is_fine(line: str):
    """The rule passes where it should."""
    assert complaints("src/sample.py", line.encode()) == []


def test_a_large_file_is_seen():
    """One byte over the limit is over."""
    assert complaints("data.bin", bytes(SIZE_MAX_BYTES + 1))
    assert complaints("data.bin", bytes(SIZE_MAX_BYTES)) == []


def test_a_careless_lock_is_seen():
    """Addresses, missing hashes and missing integrity are each found."""
    good = "# by make lock\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via b\n"
    assert lock_complaints("requirements.lock", good) == []
    assert lock_complaints("requirements.lock", good + "b==2\n")
    assert lock_complaints("requirements.lock", good + "b @ file:///b.whl\n")
    assert lock_complaints("Cargo.lock", f'source = "{CRATES_IO}"') == []
    assert lock_complaints("Cargo.lock", 'source = "git+https://example.com/x"')

    def npm(**entry: str) -> str:
        return json.dumps({"packages": {"": {}, "node_modules/a": entry}})

    assert lock_complaints("package-lock.json", npm(integrity="sha512-x")) == []
    assert lock_complaints("package-lock.json", npm(integrity="sha512-x", resolved="https://x/a"))
    assert lock_complaints("package-lock.json", npm())
