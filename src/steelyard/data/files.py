"""Files as they come: plain, gzip, or a zip of one table; hashed, and read in whole lines.

No file is read into memory whole, so a file may be larger than it. What a file is, its first bytes
say, not its name. A checksum that lies beside it, in the form of `sha256sum`, is verified.
"""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from steelyard.domain.errors import ConfigError, UsageError

BLOCK_BYTES = 8 << 20
LINE_MAX_BYTES = 4 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
CHECKSUM = ".CHECKSUM"
_HASH_LENGTH = 64


def sha256(path: Path) -> str:
    """Return the hash of a file as it lies there.

    Raises:
        ConfigError: It is missing, or may not be read.
    """
    _check_kind(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def verified(path: Path) -> str:
    """Return a file's hash, after comparing it with the checksum beside it, if there is one.

    Raises:
        ConfigError: It is another file than the checksum's, or cannot be read.
    """
    found = sha256(path)
    beside = path.with_name(path.name + CHECKSUM)
    if not beside.is_file():
        return found
    said = checksum_of(beside.read_text(encoding="utf-8", errors="replace"))
    if said is None:
        raise ConfigError(f"{beside} is no checksum; expected are 64 hex digits and a file's name")
    if said != found:
        raise ConfigError(
            f"{path} is not what {beside.name} says: its sha256 is {found}, not {said}; "
            "remove both and download it again"
        )
    return found


def checksum_of(text: str) -> str | None:
    """Return the hash in a text of `sha256sum`; None where there is none."""
    word = text.split(maxsplit=1)[0].lower() if text.strip() else ""
    is_hash = len(word) == _HASH_LENGTH and set(word) <= set("0123456789abcdef")
    return word if is_hash else None


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open what is in a file: itself, or the one table in it.

    Raises:
        ConfigError: It is missing, damaged, or an archive of another form.
    """
    _check_kind(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start.startswith(_GZIP):
                with gzip.open(file) as inner:
                    yield inner  # type: ignore[misc]  # a GzipFile reads as any file does
            elif start == _ZIP:
                with (
                    zipfile.ZipFile(file) as archive,
                    archive.open(_member(path, archive)) as inner,
                ):
                    yield inner
            else:
                yield file
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise ConfigError(f"{path} is damaged: {error}; fetch it again") from error
    except EOFError as error:
        raise ConfigError(f"{path} is cut short; fetch it again") from error
    except OSError as error:
        raise unreadable(path, error) from error


def inner_name(path: Path) -> str:
    """Return the name of the table in a file, without the endings of its packing."""
    name = path.name
    for ending in (".gz", ".zip"):
        name = name.removesuffix(ending)
    return name


def blocks(
    stream: IO[bytes], path: Path, *, ending: bytes = b"\n", size: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Yield a stream in blocks that each end with `ending`, but perhaps for the last.

    Raises:
        ConfigError: A line is longer than any should be.
    """
    held = rest = b""
    while block := stream.read(size):
        whole, cut, part = (rest + block).rpartition(ending)
        rest = part
        if cut:
            if held:
                yield held
            held = whole + cut
        if len(rest) > LINE_MAX_BYTES:
            raise ConfigError(f"{path} has a line of more than {LINE_MAX_BYTES} bytes; is it text?")
    if held or rest:
        yield held + rest


def unreadable(path: Path, error: OSError) -> UsageError:
    """Return what to say of a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"there is no file {path}")
    return ConfigError(f"{path} cannot be read: {error.strerror or error}")


def _check_kind(path: Path) -> None:
    """Refuse what can only be read once, or never ends: opening a pipe waits for its writer."""
    if path.is_fifo() or path.is_socket() or path.is_char_device():
        raise ConfigError(f"{path} is a pipe or a device; write it into a file, and name that")


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) != 1:
        raise ConfigError(
            f"{path} holds {len(files)} files; expected is one table. Unpack it, and import each"
        )
    return files[0]
