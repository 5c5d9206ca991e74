"""
Tests of what forbids a private network, and of the system outside of one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.badwire import users
from tests.badwire.cases import BADWIRE, WireCase, inProcess
from tests.processes import folder, run
from twisted_netdemo.badwire.sandbox import linux


class RefusalTests(WireCase):
    """
    The obstacle is named, with its remedy; status 69.
    """

    who = staticmethod(users.ordinary)

    def refused(self, pattern: str, before: Sequence[str], *options: str) -> None:
        """
        Both check and run say so.
        """
        for arguments in (("check",), ("run", "-q", *options, "--", "true")):
            done = self.badwire(*arguments, before=before)
            self.assertEqual(done.returncode, 69, done)
            shown = done.stdout if arguments == ("check",) else done.stderr
            self.assertRegex(shown.decode().splitlines()[-1], pattern)

    def test_noUserNamespaces(self) -> None:
        """
        user.max_user_namespaces is 0.
        """
        # Root of a namespace of its own may set it there.
        self.who = lambda: users.withoutSysAdmin(users.ourselves())
        zero = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
        before = ["unshare", "--user", "--map-root-user", "sh", "-c", zero, "sh"]
        self.refused("user.max_user_namespaces is 0: sysctl -w .*, or run it as root", before)

    def test_filtered(self) -> None:
        """
        A seccomp filter, as a container's.
        """
        path = Path(__file__).with_name("seccomp.py")
        before = [sys.executable, str(path), "unshare", *self.who()]
        done = run(*before, *BADWIRE, "check")
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"seccomp", done.stdout.splitlines()[-1])

    def test_rootWithinRoot(self) -> None:
        """
        Within root's badwire root has no capabilities, and is not told to be root.
        """
        users.root()
        inner = [sys.executable, *BADWIRE, "run", "-q", "--", "true"]
        done = run(sys.executable, *BADWIRE, "run", "-q", "--", *inner)
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"root has no CAP_SETFCAP here", done.stderr)
        self.assertNotIn(b"run it as root", done.stderr)

    def test_noTun(self) -> None:
        """
        A file that has the TUN device's name and is none is no obstacle.
        """
        before = users.mounted("mount --bind /dev/null /dev/net/tun")
        done = self.badwire("check", before=before)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"device: yes: veth", done.stdout)

    def test_danglingLink(self) -> None:
        """
        A file that cannot be covered is named.
        """
        script = (
            "mount -t tmpfs none /mnt && cp /etc/hosts /etc/passwd /mnt/ && "
            "ln -s nowhere /mnt/nsswitch.conf && mount --bind /mnt /etc"
        )
        self.refused("/etc/nsswitch.conf is a link to nothing", users.mounted(script))

    def test_readOnlySettings(self) -> None:
        """
        Where /proc/sys is read-only it runs untuned and says so, and keeps the capability that a
        service needs for a port below 1024; a setting asked for is refused.
        """
        before = users.mounted(
            "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
        )
        command = ("sh", "-c", "grep CapEff /proc/$PPID/status /proc/self/status")
        served = ("--serve", "web --listen tcp:80")
        done = self.badwire("run", "-q", *served, "--", *command, before=before)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"read-only", done.stderr)
        kept = [int(line.split()[-1], 16) for line in done.stdout.splitlines()]
        self.assertEqual(kept, [1 << linux.CAP_NET_BIND_SERVICE, 0])
        done = self.badwire(
            "run", "--sysctl", "net.ipv4.tcp_retries2=3", "--", "true", before=before
        )
        self.assertEqual(done.returncode, 69, done)
        self.assertIn(b"--sysctl net.ipv4.tcp_retries2=3: Read-only", done.stderr)

    def test_usage(self) -> None:
        """
        A mistake is one line that names option and value, status 2.
        """
        for arguments, words in (
            (("run", "--loss", "10", "--", "true"), b"--loss: '10'"),
            (("rnu",), b"did you mean run?"),
            (("show", "--jsn", "log"), b"did you mean --json?"),
            (("lesson", "chekcsum"), b"did you mean checksum?"),
        ):
            done = inProcess(*arguments)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
            self.assertIn(words, done.stderr)

    def test_version(self) -> None:
        """
        The version of each command is the suite's.
        """
        for arguments in ([], ["run"], ["enter"], ["lesson"]):
            done = inProcess(*arguments, "--version")
            self.assertRegex(done.stdout.decode(), r"^twisted-netdemo [0-9.]+, Twisted ")


class OutsideTests(WireCase):
    """
    Nothing outside is changed.
    """

    def test_sharedMounts(self) -> None:
        """
        Where mounts are shared, as systemd has it, none of badwire's shows outside.
        """
        shared = users.mounted("mount --make-rshared / && cat /proc/self/mountinfo >before")
        script = '"$@" && cat /proc/self/mountinfo >after'
        where = folder(self)
        done = self.badwire(
            *("run", "-q", "--names", "--", "cat", "/etc/hosts"),
            before=[*shared, "sh", "-c", script, "sh"],
            cwd=where,
        )
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual((where / "before").read_text(), (where / "after").read_text())

    def test_nameServiceCache(self) -> None:
        """
        A name service cache outside cannot answer: its socket is out of sight.
        """
        before = users.mounted(
            "mount -t tmpfs none /run && mkdir /run/nscd && touch /run/nscd/socket"
        )
        done = self.badwire("run", "-q", "--", "ls", "/run/nscd", before=before)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done)

    def test_setting(self) -> None:
        """
        A setting is the private network's alone.
        """
        path = "/proc/sys/net/ipv4/tcp_retries2"
        before = Path(path).read_text()
        said = self.said("--sysctl", "net.ipv4.tcp_retries2=3", "--", "cat", path)
        self.assertEqual(said, "3\n")
        self.assertEqual(Path(path).read_text(), before)
