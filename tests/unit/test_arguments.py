"""The command line's words: what parses, to what, and the one line for what does not."""

import pytest

from proxy.arguments import parse, parser


def parsed(*words: str):
    return parse(words, "0.0.0")


def refused(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        parsed(*words)
    assert caught.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


@pytest.mark.parametrize(
    ("option", "text", "unix_ms"),
    [
        ("--from", "1970-01-02", 86_400_000),
        ("--to", "1970-01-02", 2 * 86_400_000),
        ("--from", "1970-01-01T00:00:01.250", 1_250),
        ("--to", "1970-01-01T00:00:01", 1_000),
        ("--from", "1970-01-01T02:00:00+02:00", 0),
        ("--from", "1970-01-01T00:00:00Z", 0),
        ("--to", "1767225600000", 1_767_225_600_000),
    ],
)
def test_a_time_is_a_date_a_moment_or_unix_ms(option, text, unix_ms):
    given = parsed("export", option, text)
    assert (given.since if option == "--from" else given.until) == unix_ms


@pytest.mark.parametrize("text", ["yesterday", "12", "2026-13-01", "9999-12-31", ""])
def test_a_time_that_is_none_is_refused(capsys, text):
    assert "must be a date" in refused(capsys, "export", "--to", text)


def test_a_visitor_is_a_uuid_in_its_usual_form(capsys):
    given = parsed("export", "--visitor", "{0123456789ABCDEF0123456789ABCDEF}")
    assert given.visitor == "01234567-89ab-cdef-0123-456789abcdef"
    assert "must be a UUID" in refused(capsys, "export", "--visitor", "me")


@pytest.mark.parametrize("text", ["0", "65", "-1", "two", "²"])
def test_workers_are_counted(capsys, text):
    assert "must be 1 to 64" in refused(capsys, "serve", f"--workers={text}")
    assert parsed("serve", "--workers", "64").workers == 64


def test_an_error_is_one_line_that_says_where_help_is(capsys):
    assert refused(capsys, "serve", "--upstrem", "x").endswith("(see footfall --help)\n")
    assert refused(capsys, "export", "--lane", "x").endswith("(see footfall export --help)\n")
    assert "COMMAND" in refused(capsys)


def test_what_only_a_parent_says_is_neither_in_the_help_nor_in_an_error(capsys):
    line = refused(capsys, "frobnicate")
    assert all(name in line for name in ("frobnicate", "serve", "demo", "export", "check"))
    for text in (line, parser("0.0.0").format_help()):
        assert "worker" not in text.replace("worker processes", "")
        assert "demo-site" not in text


@pytest.mark.parametrize("command", ["worker", "demo-site"])
def test_a_child_is_told_its_descriptors(capsys, command):
    given = parsed(command, "--socket", "5", "--socket", "6", "--lifeline", "7", "--ready", "8")
    assert (given.command, given.socket, given.lifeline, given.ready) == (command, [5, 6], 7, 8)
    assert "--lifeline" in refused(capsys, command, "--socket", "5")


def test_a_log_is_reconciled_as_that_of_a_server_in_front_unless_it_is_said(capsys):
    given = parsed("reconcile", "access.log")
    assert (given.side, given.host, given.skip, given.window, given.lines) == ("front", [], [], 5, 20)
    given = parsed(
        "reconcile", "-", "--side", "site", "--host", "a", "--host", "b", "--skip", "/static/*", "--window=60"
    )
    assert (str(given.file), given.side, given.host, given.skip) == ("-", "site", ["a", "b"], ["/static/*"])
    assert "must be 1 to 600" in refused(capsys, "reconcile", "x", "--window", "0")
    assert "must be 1 to 10000" in refused(capsys, "reconcile", "x", "--lines", "10001")
    assert "invalid choice" in refused(capsys, "reconcile", "x", "--side", "back")
    assert "LOG" in refused(capsys, "reconcile")
