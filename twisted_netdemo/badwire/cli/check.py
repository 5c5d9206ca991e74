"""
C{badwire check}: whether a private network can be made here, step by step.
"""

from __future__ import annotations

import sys

from twisted_netdemo.badwire.console import tell
from twisted_netdemo.badwire.exit_statuses import UNAVAILABLE
from twisted_netdemo.badwire.sandbox.etc_files import RESOLV, lacking
from twisted_netdemo.badwire.sandbox.forbidden import Forbidden
from twisted_netdemo.badwire.sandbox.network import Network
from twisted_netdemo.service.cli.options import ServiceOptions


class Options(ServiceOptions):
    """
    What C{badwire check} takes.
    """

    longdesc = "Says whether a private network can be made here, and if not what forbids it."

    def getSynopsis(self) -> str:
        return "Usage: badwire check"


def main(options: Options) -> int:
    """
    Try each requirement in turn.

    @return: the exit status.
    """
    network = Network()
    for what, step in network.steps():
        try:
            found = step()
        except Forbidden as error:
            tell(f"{what}: NO: {error}", sys.stdout)
            return UNAVAILABLE
        tell(f"{what}: yes: {found}", sys.stdout)
    for line in (*network.notes, *lacking([RESOLV])):
        tell(f"note: {line}", sys.stdout)
    return 0
