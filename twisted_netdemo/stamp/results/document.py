"""
A measurement as a JSON document; its JSON Schema is C{docs/schemas/stampsender.schema.json}.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.results.directions import Count
from twisted_netdemo.stamp.results.measurement import TTL, Measurement, Reordering
from twisted_netdemo.stamp.results.quantiles import Quantiles


def document(measurement: Measurement, packets: bool = False) -> dict[str, Any]:
    """
    A value for L{json.dumps}. A range is C{[least, most]}; an unknown count is C{None}.

    @param packets: whether what became of each request is in it.
    """
    m, ways = measurement, measurement.directions
    error = m.sendError
    host, port = m.target
    made: dict[str, Any] = {
        "target": {"address": host, "port": port},
        "reflector": m.reflector,
        "sent": m.sent,
        "received": m.received,
        "late": m.late,
        "rtt_us": _quantiles(m.rtt),
        "loss": {
            "up": _count(ways.lossUp),
            "down": _count(ways.lossDown),
            "undecided": ways.undecided,
            "round_trip": m.lost,
        },
        "duplicates": {"up": _count(ways.duplicatesUp), "down": _count(ways.duplicatesDown)},
        "reordered": {"up": _reordering(m.reorderedUp), "down": _reordering(m.reorderedDown)},
        "loss_runs": {"up": _list(m.lossRunsUp), "down": _list(m.lossRunsDown)},
        "delay_up_us": _quantiles(m.delayUp),
        "delay_down_us": _quantiles(m.delayDown),
        "ipdv_us": _quantiles(m.ipdv),
        "ipdv_up_us": _quantiles(m.ipdvUp),
        "ipdv_down_us": _quantiles(m.ipdvDown),
        "pdv_us": _quantiles(m.pdv),
        "pdv_up_us": _quantiles(m.pdvUp),
        "pdv_down_us": _quantiles(m.pdvDown),
        "jitter_us": {"up": m.jitterUp, "down": m.jitterDown},
        "ttl": {"up": _ttl(m.ttlUp), "down": _ttl(m.ttlDown)},
        "send_error_us": None if error is None else {"p50": error[0], "p99": error[1]},
        "late_ticks": m.sending.late,
        "skipped_ticks": m.sending.skipped,
        "send_failures": m.sending.failed,
        "ended_early": m.sending.waited is not None,
        "error_estimate": {
            "sender": _estimate(m.senderError),
            "reflector": _estimate(m.reflectorError),
        },
        "clock_step_us": None if m.clockStep is None else m.clockStep / 1000,
        "rejected": dataclasses.asdict(m.rejected),
    }
    if packets:
        made["packets"] = [
            {"seq": each.seq, "fate": each.fate, "rtt_us": each.rtt} for each in m.packets
        ]
    return made


def _count(count: Count) -> int | list[int] | None:
    return [*count] if isinstance(count, tuple) else count


def _list(runs: tuple[int, ...] | None) -> list[int] | None:
    return None if runs is None else [*runs]


def _quantiles(quantiles: Quantiles | None) -> dict[str, float] | None:
    return None if quantiles is None else dataclasses.asdict(quantiles)


def _reordering(reordering: Reordering | None) -> dict[str, float] | None:
    if reordering is None:
        return None
    return {
        "count": reordering.count,
        "ratio": reordering.ratio,
        "max_extent": reordering.maxExtent,
        "n": reordering.n,
    }


def _ttl(ttl: TTL | None) -> dict[str, int] | None:
    return None if ttl is None else dataclasses.asdict(ttl)


def _estimate(estimate: ErrorEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "synchronized": estimate.synchronized,
        "error_us": estimate.seconds * 1e6,
        "format": "ptp" if estimate.isPTP else "ntp",
    }
