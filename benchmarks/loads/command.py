"""
Run a command to its end, and print what it took.

  command.py COMMAND...   its exit status, seconds by the clock, seconds of its processor time, and
                          the most memory that it held, in KiB

To be run with C{python -I -S}: the kernel counts into a child's memory what its parent held when
it was made, so this program is as small as Python can be.
"""

import os
import sys
import time

began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - began
print(
    f'{{"status": {os.waitstatus_to_exitcode(status)}, "seconds": {seconds}, '
    f'"cpu": {usage.ru_utime + usage.ru_stime}, "memory": {usage.ru_maxrss}}}'
)
