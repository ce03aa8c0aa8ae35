"""How far a long piece of work is, as it is written on a screen or into a log."""

from proxy.progress import DRAWN_EVERY_SECONDS, SAID_EVERY_SECONDS, Progress


def shown(is_bar, *told):
    progress = Progress(is_bar=is_bar, now=100.0)
    return [progress.at(*one[:3], 100.0 + one[3]) for one in told] + [progress.end()]


def test_a_bar_is_drawn_over_itself_and_taken_away():
    lines = shown(True, ("copying", 1, 4, 1.0), ("copying", 2, 4, 1.5), ("checking", 0, 0, 1.51))
    assert lines == [
        "\r\033[Kcopying [#######-----------------------]  25%, 3 s left",
        "\r\033[Kcopying [###############---------------]  50%, 2 s left",
        "\r\033[Kchecking ...",
        "\r\033[K",
    ]


def test_a_bar_is_not_drawn_more_often_than_anybody_can_see():
    soon = DRAWN_EVERY_SECONDS / 2
    assert [bool(line) for line in shown(True, ("a", 1, 9, soon), ("a", 2, 9, 3 * soon), ("a", 3, 9, 4 * soon))] == [
        False,
        True,
        False,
        True,
    ]


def test_what_was_over_at_once_leaves_nothing_to_take_away():
    assert shown(True, ("copying", 1, 1, 0.01), ("checking", 0, 0, 0.02)) == ["", "", ""]


def test_elsewhere_it_is_a_line_every_now_and_then_without_any_sign_of_a_terminal():
    late = SAID_EVERY_SECONDS
    lines = shown(False, ("copying", 1, 10, 1.0), ("copying", 2, 10, late), ("copying", 10, 10, late + 1))
    assert lines == ["", "footfall: copying: 20%, 2 min left\n", "", ""]
    assert shown(False, ("checking", 0, 0, late)) == ["footfall: checking ...\n", ""]


def test_nothing_done_or_more_than_all_is_no_error():
    assert shown(True, ("a", 0, 5, 1.0), ("a", 6, 5, 2.0))[:2] == [
        "\r\033[Ka [------------------------------]   0%, ...",
        "\r\033[Ka [##############################] 100%, 0 s left",
    ]
