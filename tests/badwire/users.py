"""
The users that run badwire in the tests: root, an ordinary user, and each with less than they have
here. An ordinary user that runs the tests can stand for itself alone.
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
from tests.processes import missing, needs, rootOnly

_NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
_WITHOUT_TUN = "mount -t tmpfs none /dev/net"


def root() -> list[str]:
    """
    The command that runs Python as root.
    """
    rootOnly("root's badwire")
    return [sys.executable]


def weakRoot() -> list[str]:
    """
    The command that runs Python as root without CAP_SYS_ADMIN, as in a container.
    """
    return withoutSysAdmin(root())


def withoutSysAdmin(who: list[str]) -> list[str]:
    """
    The same command without CAP_SYS_ADMIN, which root of a namespace of users has too.
    """
    return [needs("setpriv"), "--bounding-set=-sys_admin", *who]


def ourselves() -> list[str]:
    """
    The command that runs Python as the user that runs the tests.
    """
    needs("unshare")
    return [sys.executable]


def rootWithoutTun() -> list[str]:
    """
    The command that runs Python as root where there is no TUN device.
    """
    return [*mounted(_WITHOUT_TUN), *root()]


def ordinaryWithoutTun() -> list[str]:
    """
    The command that runs Python as an ordinary user where there is no TUN device.
    """
    return [*mounted(_WITHOUT_TUN), *ordinary()]


def mounted(script: str) -> list[str]:
    """
    The command that runs a program after a shell has mounted what it likes, in a mount namespace of
    its own; the program's user is the one that runs the tests.
    """
    needs("unshare")
    if not os.geteuid():
        return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]
    # Another user mounts as the root of a namespace of users, and is itself again in one within it.
    again = f"exec unshare --user --map-user={os.geteuid()} --map-group={os.getegid()}"
    asRoot = ("unshare", "--user", "--map-root-user", "--mount")
    return [*asRoot, "sh", "-c", f'{script} && {again} "$@"', "sh"]


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
            "import subprocess, sys, twisted_netdemo.badwire.cli.run as _; sys.exit("
            "subprocess.call([sys.executable, '-c', '']))"
        )
        if not subprocess.run([*found, "-c", probe], capture_output=True, check=False).returncode:
            return found
    return None


def ordinary() -> list[str]:
    """
    The command that runs Python as an ordinary user: nobody, where root runs the tests.
    """
    if os.geteuid():
        return ourselves()
    found = _pythonOfNobody(needs("setpriv"))
    return found if found is not None else missing("nobody can run no Python here")
