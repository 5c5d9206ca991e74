"""
PostgreSQL: the connection breaks while a transaction is committed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from twisted_netdemo.testing.badwire import change

pytestmark = [
    pytest.mark.skipif(os.geteuid() == 0, reason="PostgreSQL refuses to run as root"),
    pytest.mark.badwire(family=4, flows=1),
]

#: Debian keeps the programs here, out of PATH.
PROGRAMS = [shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]


@pytest.fixture
def database(tmp_path):
    """A PostgreSQL at the far end of the wire, with a table of payments, as seen from there."""
    programs = Path(next(filter(None, reversed(PROGRAMS)))).parent
    data = tmp_path / "data"
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([programs / "initdb", "-D", data, "-U", "me", "-A", "trust", "-N"], **quiet)
    with open(data / "pg_hba.conf", "a") as rules:
        rules.write("host all all 10.77.0.0/30 trust\n")
    command = [programs / "postgres", "-D", data, "-k", tmp_path, "-h", "*", "-F"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        with connected("127.0.0.1") as direct:
            direct.execute("CREATE TABLE payments (key text UNIQUE, cents int)")
            yield direct
        process.send_signal(signal.SIGINT)  # do not wait for the dead connection


def connected(host, **options):
    for _ in range(1000):
        with contextlib.suppress(psycopg.OperationalError):
            return psycopg.connect(
                host=host, user="me", dbname="postgres", autocommit=True, **options
            )
        time.sleep(0.01)
    raise TimeoutError("the database has not come up")


def pay(sql, tries):
    """Pay 5.00; the answer to the first COMMIT is lost."""
    for attempt in range(tries):
        # Without tcp_user_timeout (in milliseconds) the client would wait for many minutes.
        with connected("far4.wire", tcp_user_timeout=300) as connection:
            connection.execute("BEGIN")
            connection.execute(sql)
            if not attempt:
                change(down_loss="100%")  # of the first connection alone
            try:
                connection.execute("COMMIT")
            except psycopg.OperationalError:
                continue
            return
    raise TimeoutError("the payment may have been made, or not")


def payments(database):
    return database.execute("SELECT count(*) FROM payments").fetchone()[0]


def test_the_client_cannot_know(database):
    with pytest.raises(TimeoutError):
        pay("INSERT INTO payments VALUES (NULL, 500)", tries=1)
    assert payments(database) == 1


def test_blind_retry_pays_twice(database):
    pay("INSERT INTO payments VALUES (NULL, 500)", tries=2)
    assert payments(database) == 2


def test_retry_with_a_key_pays_once(database):
    pay("INSERT INTO payments VALUES ('42', 500) ON CONFLICT (key) DO NOTHING", tries=2)
    assert payments(database) == 1
