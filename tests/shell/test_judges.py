"""The quick judges are asked here too; and what the command says of judges that cannot be had."""

import importlib

import pytest

from judges import FOUND, GOOD, JUDGES, USAGE, Unavailable
from judges.__main__ import judged, main
from judges.tools import node, package, program


@pytest.mark.parametrize("name", ["conversations", "injection", "lint", "websocket"])
def test_the_quick_judges_find_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = importlib.import_module(f"judges.{name}").main([])
    except Unavailable as missing:
        pytest.skip(str(missing))
    assert code == GOOD, capsys.readouterr().out


def test_what_cannot_be_had_is_one_line_and_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("nobody", []) == GOOD
    assert capsys.readouterr().out == "judge: nobody: not judged: there is no such judge yet (scripts/setup-judge)\n"
    with pytest.raises(Unavailable, match=r"^no-such-program is missing .*apt install some-package"):
        program("no-such-program", "some-package")
    with pytest.raises(Unavailable, match=r"^the package no_such_package is missing"):
        package("no_such_package")
    with pytest.raises(Unavailable, match=r"^the npm package no-such-package is missing"):
        node("", "no-such-package", "")


def test_a_judge_that_finds_something_or_fails_is_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(words: list[str]) -> int:
        raise OSError("no\nroom")

    assert judged("kind", [], lambda name: lambda words: GOOD) == GOOD
    assert judged("strict", [], lambda name: lambda words: FOUND) == FOUND
    assert judged("broken", [], lambda name: fails) == FOUND
    assert capsys.readouterr().out.splitlines()[-1] == "judge: broken: failed: no room"


def test_only_judges_that_there_are_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["nobody"])
    assert left.value.code == USAGE
    said = capsys.readouterr().err
    assert all(name in said for name in JUDGES)
