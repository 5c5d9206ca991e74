"""
The frontier of a mirror with so many known URLs of 300 hosts: what taking one costs.

  frontier.py URLS TAKEN   prints microseconds of processor time for each that is taken, and MiB of
                           memory
"""

import resource
import sys
import tempfile
import time

from twisted_netdemo.gopher.mirror.state.frontier import Frontier
from twisted_netdemo.gopher.mirror.state.tables import openDatabase

HOSTS, BATCH = 300, 64

urls, wanted = map(int, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    frontier = Frontier(openDatabase(folder))
    with frontier.transaction() as database:
        hosts = [frontier.serverOf("gopher", f"host{n}.example", 70) for n in range(HOSTS)]
        database.executemany(
            "INSERT INTO resource (host, request, type, title, depth, due) "
            "VALUES (?, ?, ?, ?, 1, ?)",
            (
                (hosts[n % HOSTS], b"/folder/%d/a-file-of-some-name.txt" % n, "0", "A title", n)
                for n in range(urls)
            ),
        )
    count = turn = 0
    began = time.process_time()
    while count < wanted:
        found = frontier.take(hosts[turn % HOSTS], 1e12, (), BATCH)
        frontier.leave(found.resources, None, None)
        count += len(found.resources)
        turn += 1
    spent = time.process_time() - began
    frontier.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f'{{"cpu": {spent / count * 1e6}, "peak": {peak}}}')
