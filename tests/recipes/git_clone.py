"""
git clone over HTTP, from a server that falls silent.
"""

import os
import subprocess
import sys

import pytest

from twisted_netdemo.testing.badwire import run

CLONE = f"""
{sys.executable} -m http.server --directory served --bind 0.0.0.0 8000 >/dev/null 2>&1 &
until curl -s -o /dev/null http://127.0.0.1:8000/; do sleep 0.05; done
git $OPTIONS clone --quiet http://far4.wire:8000/.git copy
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a repository that any HTTP server can serve."""
    (tmp_path / "served").mkdir()
    settings = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (
        ["init", "--quiet"],
        [*settings, "commit", "--quiet", "--allow-empty", "-m", "first"],
        ["update-server-info"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path / "served", check=True)
    return tmp_path


def clone(folder, options="", **figures):
    environment = {**os.environ, "OPTIONS": options, "HOME": str(folder)}
    return run(["sh", "-c", CLONE], cwd=folder, env=environment, timeout=4, family=4, **figures)


def test_a_good_wire(folder):
    assert clone(folder).status == 0
    assert (folder / "copy" / ".git" / "HEAD").exists()


def test_a_loss_is_mended_by_tcp(folder):
    result = clone(folder, down_loss={3, 5})
    assert result.status == 0, result.report()
    assert result.kernel["TcpRetransSegs"] >= 1


def test_silence_is_waited_for(folder):
    assert clone(folder, down_loss=range(2, 100_000)).timed_out


def test_a_least_speed_ends_it(folder):
    speed = "-c http.lowSpeedLimit=100 -c http.lowSpeedTime=1"
    result = clone(folder, speed, down_loss=range(2, 100_000))
    assert not result.timed_out
    assert result.status == 128
    assert "Operation too slow" in result.stderr
