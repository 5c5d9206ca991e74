"""
Tests: the same folders as the package, test_<module>.py; real programs in test_plugins.py.
"""

import os
import signal

import hypothesis

# A busy machine is slow now and then, which says nothing of the code.
hypothesis.settings.register_profile(
    "tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")

# A shell without job control starts what runs in the background with SIGINT ignored, and so would
# be every program under test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An ordinary user's PATH leaves out where sysctl and HAProxy are.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
