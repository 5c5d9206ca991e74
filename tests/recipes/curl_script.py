"""
A shell script with curl, whose first connection goes dead after the hand-shake.
"""

import pytest

from twisted_netdemo.testing.badwire import run

SCRIPT = """
set -e
curl --fail --silent --show-error $OPTIONS --output answer http://far4.wire:8080/text
grep -q hello answer
echo done
"""


@pytest.fixture
def site(tmp_path):
    """A folder with a text, which 'twistd web' serves at the far end of the wire."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "text").write_text("hello\n")
    return tmp_path


def script(site, options, **figures):
    return run(
        ["sh", "-c", SCRIPT],
        env={"OPTIONS": options, "PATH": "/usr/bin:/bin"},
        cwd=site,
        timeout=4,
        serve=f"web --listen tcp:8080 --path {site / 'site'}",
        family=4,
        **figures,
    )


DEAD = {"down_loss": range(2, 1000), "flows": 1}


def test_a_good_wire(site):
    assert script(site, "").stdout == "done\n"


def test_retries_do_not_help_against_silence(site):
    assert script(site, "--retry 3", **DEAD).timed_out


def test_retries_and_a_time_limit_do(site):
    result = script(site, "--retry 3 --retry-delay 1 --max-time 1", **DEAD)
    assert result.stdout == "done\n", result.report()
    assert "timed out" in result.stderr
