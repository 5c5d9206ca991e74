"""
Which C{gophers://} servers the command line trusts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # plain Gopher does not wait for OpenSSL to load
    from twisted_netdemo.gopher.client.trust import Verified
    from twisted_netdemo.gopher.net.certificate_check import Trust


def chosenTrust(options: Mapping[str, Any], say: Callable[[str], None]) -> Trust | None:
    """
    What C{--cafile}, C{--tofu} and C{--insecure} ask for; C{None} for none of them.

    @param say: called with a line for each certificate that is pinned.
    """
    if options["cafile"] is not None:
        return verified(options["cafile"])
    if options["tofu"]:
        from twisted_netdemo.gopher.client.trust import Pinned
        from twisted_netdemo.gopher.net.pins import Pins, defaultPath

        def onFirstUse(where: str, fingerprint: str) -> None:
            say(f"pinned {where}: SHA-256 {fingerprint}")

        return Pinned(Pins(defaultPath()), onFirstUse)
    if options["insecure"]:
        from twisted_netdemo.gopher.client.trust import Unverified

        return Unverified()
    return None


def verified(cafile: str) -> Verified:
    """
    Trust in the authorities of a file.

    @raise ValueError: there are none in it.
    """
    from twisted_netdemo.gopher.client.trust import Verified

    try:
        return Verified(cafile)
    except OSError as error:
        raise ValueError(f"cannot read {cafile}: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"{cafile} contains no certificate (PEM)") from None
