"""
Tests of badwire as it is started by each kind of user.
"""

from __future__ import annotations

from typing import Any

from tests.badwire import seeds, users
from tests.badwire.cases import ORDINARY, WireCase
from tests.processes import needs
from twisted_netdemo.badwire.sandbox import linux


class UserTests:
    """
    What each kind of user can do with badwire.
    """

    user: str
    services: tuple[str, ...] = ()
    runs: list[tuple[int, str]]

    def test_check(self: Any) -> None:
        """
        The check says that it can run here.
        """
        done = self.badwire("check")
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn(b"NO", done.stdout)

    def test_intact(self: Any) -> None:
        """
        TCP delivers what was sent, over either IP, and the kernel's counters are the log's.
        """
        for seed, host in self.runs:
            said, found = seeds.run(seed, host, self.who())
            self.assertTrue(said.startswith("intact"), said)
            self.assertEqual(seeds.differences(found), [])
            fates = found["packets"]["tcp"]
            self.assertTrue(fates["lost"] and fates["corrupted"], fates)

    def test_command(self: Any) -> None:
        """
        COMMAND is the user that started it; it finds the other side by name, and ping works.
        """
        ping = f"{needs('ping')} -c 1"
        script = (
            f"id -u; getent ahosts far.wire; echo $WIRE_FAR; {ping} far4.wire; {ping} far6.wire"
        )
        said = self.said("--", "sh", "-c", script)
        self.assertTrue(said.startswith(f"{self.user}\n"), said)
        for address in ("10.77.0.2", "fd77::2"):
            self.assertIn(address, said)
        self.assertEqual(said.count("1 received"), 2, said)

    def test_capabilities(self: Any) -> None:
        """
        Once the network is up no process has a capability: neither COMMAND nor badwire, which runs
        the services, nor a service's own processes; only the watcher has those by which it ends
        others. Any process may listen on a port below 1024 all the same.
        """
        bind = "import socket; socket.create_server(('', 79)); print('took:\t79')"
        script = (
            "cat /proc/self/status /proc/$PPID/status; "
            "for child in $(cat /proc/$PPID/task/$PPID/children); do cat /proc/$child/status; done;"
            f'{self.who()[-1]} -c "{bind}"'
        )
        said = self.said("--serve", "web --listen tcp:80", *self.services, "--", "sh", "-c", script)
        self.assertIn("took:\t79", said)
        found: dict[str, dict[str, int]] = {}
        for line in said.splitlines():
            name, _, value = line.partition(":\t")
            if name == "Name":
                process = found.setdefault(value, {})
            elif name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                process[name] = process.get(name, 0) | int(value, 16)
        watcher = found.pop("badwire-watch")
        self.assertGreaterEqual(len(found), 2)  # cat, python and sh
        for process in found.values():
            self.assertEqual(set(process.values()), {0}, found)
        kept = 1 << linux.CAP_SYS_PTRACE | 1 << linux.CAP_KILL
        self.assertEqual((watcher["CapPrm"], watcher["CapEff"]), (kept, kept))


class RootTests(UserTests, WireCase):
    """
    Root.
    """

    who = staticmethod(users.root)
    user = "0"
    services = ("--serve", "linecount --workers 2")
    runs = [(1, "far4.wire")]


class WeakRootTests(UserTests, WireCase):
    """
    Root in a container, without CAP_SYS_ADMIN.
    """

    who = staticmethod(users.weakRoot)
    user = "0"
    runs = [(3, "far6.wire")]


class OrdinaryTests(UserTests, WireCase):
    """
    An ordinary user.
    """

    who = staticmethod(users.ordinary)
    user = ORDINARY
    runs = [(2, "far6.wire")]


class OrdinaryWithoutTunTests(UserTests, WireCase):
    """
    An ordinary user to whom the TUN device is closed.
    """

    who = staticmethod(users.ordinaryWithoutTun)
    user = ORDINARY
    runs = [(4, "far4.wire")]


class RootWithoutTunTests(WireCase):
    """
    Root where there is no TUN device.
    """

    who = staticmethod(users.rootWithoutTun)

    def test_intact(self) -> None:
        """
        It runs all the same.
        """
        said, found = seeds.run(3, "far.wire", self.who())
        self.assertTrue(said.startswith("intact"), said)
        self.assertEqual(seeds.differences(found), [])
