"""What the soak has found, as text and as data. Pure: no clock, no process, no printing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.load import CONNECTIONS
from benchmarks.soak.mix import KINDS
from benchmarks.soak.verdict import MB, Found, Line, Stretch, lines, private, resident, usual, within
from benchmarks.table import columns

Said = Mapping[str, Any]
FAULTS_SHOWN = 10
VERDICTS = {True: "good", False: "NOT GOOD", None: "too short to tell"}


def text(found: Found, saturation: float, sent: Said, did: Mapping[str, int]) -> str:
    """All of it, in Markdown. `sent` is the sender's answer, `did` the unruly's."""
    judged = lines(found)
    parts = [_asked(sent), _done(did, sent["seconds"]), _memory(found), _explained(found, saturation, sent)]
    faults = [f"* {number:,} x {what}" for what, number in sorted(found.wrong.items())[:FAULTS_SHOWN]]
    faults += [f"* {line}" for line in found.log[:FAULTS_SHOWN]]
    if faults:
        parts.append("\n".join(faults))
    return "\n\n".join([*parts, _verdicts(judged)])


def is_good(found: Found) -> bool:
    """Nothing is known not to hold."""
    return all(line.is_good is not False for line in lines(found))


def data(found: Found, saturation: float, sent: Said, did: Mapping[str, int]) -> dict[str, Any]:
    """For a file: every sample, what was done and what came of it. Bytes and seconds."""
    return {
        **asdict(found),
        "saturation": saturation,
        "sent": sent,
        "unruly": did,
        "verdicts": [asdict(line) for line in lines(found)],
    }


def _asked(sent: Said) -> str:
    asked, answered = sent["asked"], sent["answered"]
    made = [
        (
            kind.title,
            f"{kind.share} %",
            f"{asked.get(kind.name, 0):,}",
            f"{answered.get(kind.name, 0):,}",
            f"{answered.get(kind.name, 0) / sent['seconds']:.1f}",
        )
        for kind in KINDS
    ]
    total = (
        "*all*",
        "",
        f"{sum(asked.values()):,}",
        f"{sum(answered.values()):,}",
        f"{sum(answered.values()) / sent['seconds']:.1f}",
    )
    return columns(("asked for", "share", "asked", "answered", "a second"), [*made, total])


def _done(did: Mapping[str, int], seconds: float) -> str:
    made = [(what, f"{number:,}", f"{number / seconds:.2f}") for what, number in sorted(did.items())]
    return columns(("besides", "times", "a second"), made)


def _memory(found: Found) -> str:
    phases = found.phases
    stretches: Sequence[tuple[str, Stretch]] = (
        ("nobody stalled", phases.alone),
        (f"{found.stalled} stalled have come", phases.stalled),
        ("early", phases.early),
        ("late", phases.late),
    )
    made = [
        (f"{title} ({stretch[0]:.0f} - {stretch[1]:.0f} s)", *_figures(within(found.samples, stretch)))
        for title, stretch in stretches
    ]
    first, last = _figures([found.before]), _figures([found.after])
    headings = ("MB, medians", "resident", "private", "worker", "writer", "parent", "TCP", "sockets", "threads")
    return columns(headings, [("before", *first), *made, ("all have left", *last)])


def _figures(samples: Sequence[Any]) -> tuple[str, ...]:
    always = (float("-inf"), float("inf"))
    measures = (
        resident,
        private,
        lambda one: one.worker.rss,
        lambda one: one.writer.rss if one.writer else 0,
        lambda one: one.parent.rss,
        lambda one: one.tcp,
    )
    megabytes = (f"{usual(samples, always, measure) / MB:.1f}" for measure in measures)
    counts = (lambda one: one.worker.sockets, lambda one: one.worker.threads)
    return (*megabytes, *(f"{usual(samples, always, measure):.0f}" for measure in counts))


def _explained(found: Found, saturation: float, sent: Said) -> str:
    spent = found.samples[-1].cpu - found.samples[0].cpu
    over = found.samples[-1].at - found.samples[0].at or 1.0
    quantiles = " / ".join(f"{one:.1f}" for one in sent["page_ms"])
    return "\n\n".join(
        (
            f"Saturation: {saturation:.0f} requests a second of this mix over {CONNECTIONS} connections; half of that,"
            f" {found.wanted_rate:.0f}, for {sent['seconds']:.0f} s, evenly, whatever the answers take. footfall took"
            f" {spent / over:.0%} of a core meanwhile. Pages, until their last byte: p50 / p90 / p99 {quantiles} ms, at"
            f" most {sent['longest_ms']:.0f} ms; {sent['longest_queue']} requests at most waited for a connection.",
            "Resident: of footfall's parent, its one worker and who writes for it together. TCP: the kernel's, of all"
            " programs of this machine, at both ends of their connections.",
        )
    )


def _verdicts(judged: Sequence[Line]) -> str:
    made = [(line.title, line.found, line.wanted, VERDICTS[line.is_good]) for line in judged]
    return columns(("what must hold", "found", "wanted", "verdict"), made)
