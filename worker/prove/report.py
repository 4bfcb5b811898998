"""What a proof found: a table for people, one line of JSON for machines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.prove.audit import Audit
from worker.prove.faults import Struck

MOST_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``servers``: what it ran on. ``failed_faults``: faults whose victims did not recover in time."""

    run: str
    servers: dict[str, str]
    seconds: float
    audit: Audit
    struck: Sequence[Struck]
    failed_faults: Sequence[str] = field(default_factory=tuple)

    @property
    def is_clean(self) -> bool:
        return self.audit.is_clean and not self.failed_faults


def table(result: Result) -> Iterator[str]:
    audit = result.audit
    yield ", ".join(f"{part}: {name}" for part, name in result.servers.items())
    yield ""
    yield f"  {'submitted':<42}{audit.submitted:>8,}"
    yield f"  {'finished':<42}{audit.finished:>8,}   {_counts(audit.states)}"
    yield f"  {'executions in the ledger':<42}{audit.executions:>8,}"
    yield f"  {'lost':<42}{len(audit.lost):>8,}"
    yield f"  {'stuck':<42}{len(audit.stuck):>8,}"
    yield f"  {'executed more than once':<42}{audit.executed_more_than_once:>8,}"
    for reason, count in audit.reasons.most_common():
        yield f"    {reason:<65}{count:>6,}"
    yield ""
    yield f"  {'fault':<42}{'times':>6}{'tasks':>8}   run again after"
    for kind, faults in _by_kind(result.struck).items():
        seconds = [second for fault in faults for second in fault.recovered]
        span = f"{min(seconds):.2f} to {max(seconds):.2f} s" if seconds else "-"
        details = "; ".join(dict.fromkeys(fault.detail for fault in faults if fault.detail))
        yield f"  {kind:<42}{len(faults):>6}{len(seconds):>8}   {span:<18} {details}".rstrip()
    for title, lines in (
        ("LOST", audit.lost),
        ("STUCK", audit.stuck),
        ("ANOMALY", audit.anomalies),
        ("FAULT", result.failed_faults),
    ):
        for line in lines[:MOST_SHOWN]:
            yield f"  {title}: {line}"
        if len(lines) > MOST_SHOWN:
            yield f"  {title}: and {len(lines) - MOST_SHOWN} more"
    yield ""
    verdict = "nothing lost, nothing stuck" if result.is_clean else "NOT clean"
    yield f"  {verdict}, after {result.seconds:.0f} s"


def json_line(result: Result) -> str:
    audit = result.audit
    facts: dict[str, Any] = {
        "submitted": audit.submitted,
        "finished": audit.finished,
        "lost": len(audit.lost),
        "stuck": len(audit.stuck),
        "executed_more_than_once": audit.executed_more_than_once,
        "reasons": dict(audit.reasons),
        "anomalies": len(audit.anomalies) + len(result.failed_faults),
        "executions": audit.executions,
        "states": dict(audit.states),
        "recovery_seconds": {
            kind: [round(second, 3) for fault in faults for second in fault.recovered]
            for kind, faults in _by_kind(result.struck).items()
        },
        "faults": {kind: len(faults) for kind, faults in _by_kind(result.struck).items()},
        "servers": result.servers,
        "seconds": round(result.seconds, 1),
        "run": result.run,
    }
    return json.dumps(facts)


def _by_kind(struck: Sequence[Struck]) -> dict[str, list[Struck]]:
    found: dict[str, list[Struck]] = defaultdict(list)
    for fault in struck:
        found[fault.kind].append(fault)
    return found


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in sorted(counts.items()))
