"""The secrets file: made once, whole and private; refused, not repaired, where it is anything else."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.keys import from_text, inspect, load_keys, to_text
from proxy.secretfile import FILE_MAX_BYTES, SecretFileError
from proxy.visitors.cookie import Key

ROOT = Path(__file__).parents[2]
SECRET = bytes(range(32))
LINE = f"7 {base64.b64encode(SECRET).decode()}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "footfall.key"


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(path: Path) -> str:
    """The one line, which `inspect` and `load_keys` agree on."""
    with pytest.raises(SecretFileError) as caught:
        load_keys(path)
    line = str(caught.value)
    assert line == inspect(path)
    assert "\n" not in line and line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_the_first_start_makes_a_key_that_only_its_owner_reads(path):
    keys = load_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [(key.id, len(key.secret)) for key in keys] == [(1, 32)]
    assert load_keys(path) == keys
    assert os.listdir(path.parent) == [path.name]


def test_processes_that_start_together_use_the_same_key(path):
    script = f"from pathlib import Path; from proxy.keys import *; print(to_text(load_keys(Path({str(path)!r}))))"
    racers = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert {racer.communicate(timeout=20)[0].strip() for racer in racers} == {to_text(load_keys(path)).strip()}


def test_a_file_system_without_hard_links_gets_its_file_too(path):
    # An audit hook refuses the call as FAT does.
    script = (
        "import errno, os, sys\n"
        "from pathlib import Path\n"
        "from proxy.keys import load_keys, to_text\n"
        "def refuse(event, arguments):\n"
        "    if event == 'os.link':\n"
        "        raise PermissionError(errno.EPERM, 'Operation not permitted')\n"
        "sys.addaudithook(refuse)\n"
        f"print(to_text(load_keys(Path({str(path)!r}))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == to_text(load_keys(path)).strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_looking_makes_nothing(path):
    assert inspect(path) is None
    assert not path.exists()
    assert inspect(written(path, LINE)) is None


def test_a_directory_that_is_missing_is_one_line(tmp_path):
    with pytest.raises(SecretFileError, match=r"footfall\.key: No such file or directory$"):
        load_keys(tmp_path / "none" / "footfall.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(path, mode):
    assert refused(written(path, LINE, mode)) == f"others can read it; run: chmod 600 {path}"


def test_a_file_over_the_limit_is_refused_and_not_cut(path):
    filler = f"#{'x' * (FILE_MAX_BYTES - len(LINE) - 2)}\n"
    assert load_keys(written(path, LINE + filler)) == (Key(7, SECRET),)
    # Cut at the limit it would be the same good file.
    assert refused(written(path, f"{LINE}{filler}#")) == f"larger than {FILE_MAX_BYTES} bytes, not a secret"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_without_waiting_for_it(path, make):
    make(path, 0o700)
    assert refused(path) == "not a file"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key in it; remove the file to have a new one made"),
        ("# only this\n\n", "no key in it; remove the file to have a new one made"),
        (LINE * 2, "two keys have the same id"),
        ("nonsense\n", "a line is not `id base64`"),
        (LINE.replace("7 ", "-1 "), "a line is not `id base64`"),
        (LINE.replace("7 ", "٣ "), "a line is not `id base64`"),
        (LINE.replace("A", "*"), "a line is not `id base64`"),
        (LINE.replace("7 ", "256 "), "a key needs an id of 0 to 255 and 32 bytes"),
        ("7 AAAA\n", "a key needs an id of 0 to 255 and 32 bytes"),
    ],
)
def test_a_malformed_file_is_refused_and_not_quoted(path, text, says):
    assert refused(written(path, text)) == says


def test_keys_survive_being_handed_on_in_their_order():
    keys = (Key(7, SECRET), Key(0, SECRET[::-1]), Key(255, SECRET + b"longer"))
    assert from_text(to_text(keys)) == keys
    assert to_text(keys[:1]) == LINE
