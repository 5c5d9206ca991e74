"""
Who runs badwire in the tests: root, nobody, and each with less than they have here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import twisted
import twisted_netdemo
from tests.processes import missing, needs

_NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
#: Hides /dev/net/tun from what follows it.
WITHOUT_TUN = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")


def root() -> list[str]:
    """
    What runs Python as root.
    """
    needs("unshare")
    if os.geteuid():
        missing("we are not root")
    return [sys.executable]


def weakRoot() -> list[str]:
    """
    What runs Python as root without CAP_SYS_ADMIN, as in a container.
    """
    return [needs("setpriv"), "--bounding-set=-sys_admin", *root()]


def rootWithoutTun() -> list[str]:
    """
    What runs Python as root where there is no TUN device.
    """
    return [*WITHOUT_TUN, *root()]


def nobodyWithoutTun() -> list[str]:
    """
    What runs Python as an ordinary user where there is no TUN device.
    """
    return [*WITHOUT_TUN, *nobody()]


@cache
def _pythonOfNobody(setpriv: str) -> list[str] | None:
    """
    The test's own Python may stand where nobody may not go; the system's will do.
    """
    here = Path(twisted_netdemo.__file__).parents[1]
    path = os.pathsep.join([str(here), str(Path(twisted.__file__).parents[1])])
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if python is None:
            continue
        found = [
            *(setpriv, *_NOBODY, "env", f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1"),
            python,
        ]
        # setpriv itself may go where nobody may not: badwire's own child must get there too
        probe = (
            "import subprocess, sys, twisted_netdemo.badwire.run as _; sys.exit("
            "subprocess.call([sys.executable, '-c', '']))"
        )
        if not subprocess.run([*found, "-c", probe], capture_output=True, check=False).returncode:
            return found
    return None


def nobody() -> list[str]:
    """
    What runs Python as an ordinary user.
    """
    root()
    found = _pythonOfNobody(needs("setpriv"))
    return found if found is not None else missing("nobody can run no Python here")
