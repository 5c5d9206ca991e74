"""
Events are made where something listens.
"""

from __future__ import annotations

from io import StringIO

from twisted.logger import (
    LogEvent,
    eventAsText,
    globalLogPublisher,
    jsonFileLogObserver,
    textFileLogObserver,
)
from twisted.trial.unittest import SynchronousTestCase

from twisted_netdemo.service.observe import session_log
from twisted_netdemo.service.observe.session_log import SessionLog


class HeardTests(SynchronousTestCase):
    def setUp(self) -> None:
        # As a program's log has it, whatever the test's runner listens with.
        self.patch(globalLogPublisher, session_log._OBSERVERS, [])
        self.out = StringIO()

    def test_textLog(self) -> None:
        """
        A text log hears nothing of events without a text, and all of those with one.
        """
        globalLogPublisher.addObserver(textFileLogObserver(self.out))
        self.assertFalse(SessionLog("here", "{who} came", False).heard())
        told = SessionLog("here", "{who} came", True)
        self.assertTrue(told.heard())
        told.happened(who="Ada")
        self.assertIn("[here#info] Ada came", self.out.getvalue())

    def test_jsonLog(self) -> None:
        """
        A structured log hears every event, with its fields.
        """
        globalLogPublisher.addObserver(jsonFileLogObserver(self.out))
        silent = SessionLog("here", "{who} came", False)
        self.assertTrue(silent.heard())
        silent.happened(who="Ada")
        self.assertIn('"who": "Ada"', self.out.getvalue())

    def test_jsonLogOfText(self) -> None:
        """
        So it does where the text has fields.
        """
        globalLogPublisher.addObserver(jsonFileLogObserver(self.out))
        told = SessionLog("here", "{who} came", True)
        self.assertTrue(told.heard())
        told.happened(who="Ada")
        self.assertIn('"who": "Ada"', self.out.getvalue())

    def test_comesLater(self) -> None:
        """
        An observer that is added while the service runs hears what follows, until it is removed.
        """
        silent = SessionLog("here", "{who} came", False)
        self.assertFalse(silent.heard())
        heard: list[LogEvent] = []
        observer = heard.append
        globalLogPublisher.addObserver(observer)
        self.assertTrue(silent.heard())
        silent.happened(who="Ada")
        self.assertEqual(eventAsText(heard[0]), "")
        globalLogPublisher.removeObserver(observer)
        self.assertFalse(silent.heard())

    def test_privateName(self) -> None:
        """
        This Twisted keeps its observers where they are looked for. Where this fails, every event
        is published: slower, not wrongly. So it is too when the name is gone.
        """
        self.assertIsInstance(getattr(globalLogPublisher, session_log._OBSERVERS), list)
        self.patch(session_log, "_OBSERVERS", "_gone")
        self.assertTrue(SessionLog("here", "{who} came", False).heard())
