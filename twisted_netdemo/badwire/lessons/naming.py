"""
The lessons on who talks to whom: addresses, names and ports.
"""

from __future__ import annotations

import re

from twisted_netdemo.badwire.lessons.stage import Stage


def address(stage: Stage) -> None:
    """
    Each end is an address and a port; the kernel chooses the client's.
    """
    run = stage.run("--serve linecount", "ask far4.wire 51423 one two")
    rows = []
    for found in run.found:
        said = re.search(r"\('([^']*)', (\d+)\)", found["welcome"])
        assert said is not None
        rows.append(
            [
                "{}:{}".format(*found["own"]),
                "{}:{}".format(*found["server"]),
                f"{said[1]}:{said[2]}",
                found["answer"],
            ]
        )
    stage.table(("the client is", "its server is", "the server sees", "and says"), rows)
    own = [found["own"][1] for found in run.found]
    lowest, highest = run.found[0]["range"]
    servers = {tuple(found["server"]) for found in run.found}
    stage.conclude(
        len(servers) == 1 and len(set(own)) == 2 and all(lowest <= port <= highest for port in own),
        f"Both talked to port {next(iter(servers))[1]} of one address, at the same time. What "
        f"tells them apart is their own ports, {own[0]} and {own[1]}: the kernel chose them from "
        f"{lowest} to {highest}.",
    )
    seen = [row[2].rpartition(":")[2] for row in rows]
    stage.conclude(
        seen == [str(port) for port in own],
        "The server sees the same ports. (The address differs: this wire turns packets round, "
        "so that near looks like far.)",
    )


def names(stage: Stage) -> None:
    """
    A name becomes an address by questions over UDP, asked again.
    """
    run = stage.run("--names --up-loss @1", "resolve far4.wire nosuch.wire")
    stage.ladder(run, 9)
    known, unknown = run.found
    questions = run.sent("udp", "up")
    lost = [sent for sent in questions if sent.fates]
    stage.conclude(
        bool(known.get("addresses")) and len(lost) > 0,
        f"far4.wire is {' and '.join(known.get('addresses', ['nothing']))}, found after "
        f"{known['seconds']:.1f} s: {len(lost)} of all {len(questions)} questions were lost, and "
        "asked again by the program, since UDP repeats nothing.",
    )
    stage.conclude(
        "error" in unknown,
        f"nosuch.wire: {unknown.get('error')!r}. An error, and said well.",
    )


def ports(stage: Stage) -> None:
    """
    A port is a number from 1 to 65535, one program's at a time.
    """
    run = stage.run("--serve linecount", "ports 51423")
    rows = [
        (str(found["port"]), found["service"], found.get("error", f"got {found.get('got')}"))
        for found in run.found
    ]
    stage.table(("port", "known by", "to listen there"), rows)
    by = {found["port"]: found for found in run.found}
    taken, low, none, last, over = (by[port] for port in (51423, 79, 0, 65535, 65536))
    stage.conclude(
        taken.get("error") == "Address already in use",
        f"51423 is linecount's: {taken.get('error')!r}.",
    )
    if "got" in low:
        stage.say("          (Here any program may use a port below 1024.)")
    else:
        stage.conclude(
            low["error"] == "Permission denied",
            f"Ports below 1024 are for the system's own services: {low['error']!r}.",
        )
    if low["service"] is None:
        stage.say("          (This machine has no /etc/services: no port has a name.)")
    else:
        stage.conclude(True, f"79 is known as {low['service']!r}: a name, not a lock.")
    stage.conclude(
        none.get("got", 0) > 0 and last.get("got") == 65535 and "error" in over,
        f"0 asks the kernel to choose: {none.get('got')}. 65535 is the last one; "
        f"65536: {over.get('error')}.",
    )
