"""Clips are kept by content, verified when read, and the ones unused for longest go first."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from broker.speech.cache import BEGUN, ClipCache, key_of, write_whole

ROOT = Path(__file__).resolve().parents[2]


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(key_of("a"), b'{"x":1}', b"sound\nwith\nlines")
    assert cache.get(key_of("a")) == (b'{"x":1}', b"sound\nwith\nlines")
    assert cache.get(key_of("b")) is None


def test_parts_of_a_key_keep_their_borders() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("vi", 1.0) != key_of("vi", 1.5)


@pytest.mark.parametrize("where", [0, 40, -1])
def test_a_damaged_clip_is_removed_and_never_returned(tmp_path: Path, where: int) -> None:
    cache = ClipCache(tmp_path)
    key = key_of("a")
    cache.put(key, b"{}", b"x" * 1000)
    path = next(tmp_path.glob("*/*"))
    raw = bytearray(path.read_bytes())
    raw[where] ^= 1
    path.write_bytes(raw)
    assert cache.get(key) is None
    assert not path.exists()


def test_a_clip_under_another_name_is_as_good_as_damaged(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(key_of("a"), b"{}", b"said")
    other = tmp_path / key_of("b")[:2] / key_of("b")
    other.parent.mkdir(exist_ok=True)
    (tmp_path / key_of("a")[:2] / key_of("a")).rename(other)
    assert cache.get(key_of("b")) is None


def test_meta_and_clip_keep_their_border(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(key_of("a"), b"12", b"34")
    path = tmp_path / key_of("a")[:2] / key_of("a")
    path.write_bytes(path.read_bytes().replace(b'"meta":12}\n34', b'"meta":123}\n4'))
    assert cache.get(key_of("a")) is None


def test_a_clip_cut_short_is_never_returned(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(key_of("a"), b"{}", b"x" * 1000)
    path = next(tmp_path.glob("*/*"))
    for length in (0, 10, 90, 500):
        path.write_bytes(path.read_bytes()[:length])
        assert cache.get(key_of("a")) is None
        cache.put(key_of("a"), b"{}", b"x" * 1000)


def test_the_clip_unused_for_longest_makes_room(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, limit_bytes=3500)
    for number, name in enumerate("abc"):
        cache.put(key_of(name), b"{}", name.encode() * 1000)
        path = tmp_path / key_of(name)[:2] / key_of(name)
        os.utime(path, (number, number))
    assert cache.get(key_of("a")) is not None  # used just now
    cache.put(key_of("d"), b"{}", b"d" * 1000)
    assert cache.get(key_of("b")) is None
    assert all(cache.get(key_of(name)) for name in "acd")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "clip", b"data")
    assert list(tmp_path.iterdir()) == [tmp_path / "clip"]


def test_several_writers_of_one_clip_leave_a_whole_one(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    threads = [
        threading.Thread(target=cache.put, args=(key_of("a"), b"{}", bytes([number]) * 20_000))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cache.get(key_of("a"))
    assert found is not None
    assert len(set(found[1])) == 1


def test_a_full_disk_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(key_of("a"), b"{}", b"kept")
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, most))
    try:
        with pytest.raises(OSError):
            cache.put(key_of("b"), b"{}", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        signal.signal(signal.SIGXFSZ, before)
    assert cache.get(key_of("a")) == (b"{}", b"kept")
    assert cache.get(key_of("b")) is None
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [key_of("a")]


def test_making_room_takes_nothing_that_another_process_is_writing(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, 3_000)
    place = tmp_path / key_of("a")[:2]
    cache.put(key_of("a"), b"{}", bytes(100))
    written, left = place / f"{BEGUN}1", place / f"{BEGUN}2"
    for path, age_s in ((written, 5), (left, 2 * 86_400)):
        path.write_bytes(bytes(2_000))
        os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    cache.put(key_of("b"), b"{}", bytes(2_500))
    assert written.is_file()
    assert not left.exists(), "what a power cut left behind goes"


def test_several_processes_share_one_cache(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from broker.speech.cache import BEGUN, ClipCache, key_of\n"
        "cache = ClipCache(Path(sys.argv[1]), 40_000)\n"
        "for n in range(60):\n"
        "    key = key_of(str(n % 12)); cache.put(key, b'{}', str(n % 12).encode() * 4000); found = cache.get(key)\n"
        "    assert found is None or found[1] == str(n % 12).encode() * 4000\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(len(path.name) == 64 for path in left)
    assert sum(path.stat().st_size for path in left) <= 60_000
