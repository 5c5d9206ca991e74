"""
A sender's record of a run: each request, each reply, and the reports of a stampreflector. Pure.

The requests that are measured have the numbers from 0 on; the closing packets behind them count in
no figure.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace

from twisted_netdemo.stamp.packets.base_packet import Reply
from twisted_netdemo.stamp.packets.run_report import RunReport
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate, ntp
from twisted_netdemo.stamp.session.arrivals import Arrivals
from twisted_netdemo.stamp.session.stretches import Stretches

# The ranges of missing reply numbers that are kept, with which no reply takes more than
# microseconds. Where half of all are lost at random, they reach 65,000 numbers back.
_GAPS = 1 << 14

# Of how many of the reflector's sessions order and reports are kept. There is one for a run; where
# it has forgotten that, it has begun another.
_SESSIONS = 16

# Of how many requests a stretch is where no report is asked for.
_WIDTH = 256

# How many replies beyond the first to each request are kept account of: so many for each packet
# sent, and so many more. A network does not make as many copies; a reflector that means harm does.
_COPIES, _MORE = 4, 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The first reply to a request.

    @ivar received: T2, when the request came to the reflector: nanoseconds since 1970, by its
        clock; C{replied}: T3, when the reply left.
    @ivar arrived: T4, when the reply came, by the sender's clock.
    @ivar number: the reply's Sequence Number.
    @ivar ttlUp: with which TTL the request came to the reflector, C{None} if that is not known;
        C{ttlDown}: with which the reply came.
    """

    received: int
    replied: int
    arrived: int
    number: int
    ttlUp: int | None
    ttlDown: int | None


class Ledger:
    """
    @ivar sent: T1 of each request, in nanoseconds since 1970, as if the time of day had not been
        set since the run began.
    @ivar answers: the first reply to each, C{None} for those without.
    @ivar copies: the requests of which another copy was answered than the first, as often as that
        was seen.
    @ivar repeated: the requests whose reply came again, as often as it did.
    @ivar arrivals: of the replies to requests, by their numbers, for each session of the reflector.
    @ivar reports: the reflector's last report, for each of its sessions.
    @ivar stretches: which requests are known to have arrived at the reflector.
    @ivar reorderedDown: the requests whose reply was reordered.
    @ivar closings: how many closing packets were sent; C{closingsAnswered}: how many replies to
        them came, and C{closingReplies}: which numbers these have.
    @ivar closingReport: whether the last report is an answer to a closing packet.
    @ivar countsAnew: whether one reply number came with two requests: the reflector has begun to
        count anew.
    @ivar isStateful: whether the reflector has shown that it counts its replies itself.
    @ivar reflector: the worst Error Estimate of the replies.
    @ivar unordered: replies whose place in the order is not known: from too far back, or of too
        many sessions.
    @ivar excess: replies that were left out of account, since there were too many.
    """

    def __init__(self, run: int, width: int = 0) -> None:
        """
        @param run: the run's number.
        @param width: of how many requests a report tells, a multiple of 8; 0 where none is asked
            for.
        """
        self.run = run
        self.sent = array("q")
        self._steps = array("q")  # by how much it had been set when each was sent
        self.answers: list[Answer | None] = []
        self.stretches = Stretches(width or _WIDTH)
        self.copies: list[int] = []
        self.repeated: list[int] = []
        self.arrivals: dict[int, Arrivals] = {}
        self.reports: dict[int, RunReport] = {}
        self.reorderedDown: list[int] = []
        self.closings = 0
        self.closingReplies: set[int] = set()
        self.closingReport = False
        self.closingsAnswered = 0
        self.countsAnew = False
        self.isStateful = False
        self.reflector: ErrorEstimate | None = None
        self._bits, self._said = 0, ErrorEstimate.fromWire(0)
        self.answered = 0
        self.excess = 0
        self.unordered = 0
        self._further = 0
        # The numbers of the last reports, and the pairs of request and reply that have been seen.
        self._latest: dict[int, int] = {}
        self._seen: set[tuple[int, int, int]] = set()
        # The request that each reply number came with, from a reflector that does not report.
        self._requests: dict[int, int] = {}
        self._isClosed = False

    def sends(self, time: int, step: int = 0) -> int:
        """
        A packet is to be sent.

        @param time: when, in nanoseconds since 1970.
        @param step: by how many the time of day has been set forward since the run began.
        @return: its number.
        """
        number = len(self.sent)
        self.sent.append(time - step)
        self._steps.append(step)
        if self._isClosed:
            self.closings += 1
            return number
        self.answers.append(None)
        self.stretches.sends()
        return number

    def close(self) -> None:
        """
        All requests have been sent; what follows are closing packets.
        """
        self._isClosed = True
        self.stretches.close()

    def again(self) -> None:
        """
        The last closing packet is sent once more, as it was.
        """
        self.closings += 1

    @property
    def _session(self) -> int:
        """
        The session of a reply that tells of none.
        """
        return next(iter(self.reports)) if len(self.reports) == 1 else 0

    @property
    def isClosed(self) -> bool:
        """
        Whether all requests have been sent.
        """
        return self._isClosed

    @property
    def requests(self) -> int:
        """
        The number of requests sent so far.
        """
        return len(self.answers)

    @property
    def unanswered(self) -> int:
        """
        The number of requests without a reply.
        """
        return len(self.answers) - self.answered

    def isOurs(self, reply: Reply, ssid: int) -> bool:
        """
        Whether a reply is one to a packet of this run, which it has to quote.
        """
        number = reply.senderNumber
        return (
            number < len(self.sent)
            and reply.senderStamp == ntp(self.sent[number] + self._steps[number])
            and reply.ssid in (ssid, 0)
        )

    def replied(
        self, reply: Reply, report: RunReport | None, arrived: int, ttl: int | None = None
    ) -> None:
        """
        A reply has come that L{isOurs}.

        @param report: the reflector's, if it is one of ours.
        @param arrived: T4, as C{sent} has T1.
        @param ttl: with which TTL it came.
        """
        request, number = reply.senderNumber, reply.number
        session = self._session if report is None else report.session
        isClosing = request >= len(self.answers)
        if isClosing or self.answers[request] is not None:
            if self._further >= _COPIES * len(self.sent) + _MORE:
                self.excess += 1
                return
            self._further += 1
        if report is not None:
            self._heed(report, session, number, isClosing)
        if number != request:
            self.isStateful = True
        pair = (session, number, request)
        if pair in self._seen:
            if isClosing:
                self.closingsAnswered += 1
            else:
                self.repeated.append(request)
            return
        self._seen.add(pair)
        if report is None and self._requests.setdefault(number, request) != request:
            self.countsAnew = True
        if isClosing:
            self.closingReplies.add(number)
            self.closingsAnswered += 1
            return
        self.stretches.arrived(request)
        self._order(session, number, request)
        if self.answers[request] is not None:
            self.copies.append(request)
            return
        self.answered += 1
        estimate = self._estimate(reply.error)
        self.answers[request] = Answer(
            estimate.time(reply.received, arrived),
            estimate.time(reply.stamp, arrived),
            arrived,
            number,
            reply.ttl or None,
            ttl,
        )

    def _estimate(self, bits: int) -> ErrorEstimate:
        """
        The Error Estimate of a reply, which may be the worst of all.
        """
        if bits == self._bits:
            return self._said
        self._bits = bits
        said = self._said = ErrorEstimate.fromWire(bits)
        worst = self.reflector
        if worst is None:
            self.reflector = said
        else:
            # each time as far off as it says; kept to UTC only if it was all the time
            synchronized = said.synchronized and worst.synchronized
            worst = max(worst, said, key=lambda each: each.seconds)
            self.reflector = replace(worst, synchronized=synchronized)
        return said

    def _order(self, session: int, number: int, request: int) -> None:
        arrivals = self.arrivals.get(session)
        if arrivals is None:
            if len(self.arrivals) >= _SESSIONS:
                self.unordered += 1
                return
            arrivals = self.arrivals[session] = Arrivals(_GAPS)
        before = arrivals.reordered
        if arrivals.add(number) == "outside":
            self.unordered += 1
        elif arrivals.reordered > before:
            self.reorderedDown.append(request)

    def _heed(self, report: RunReport, session: int, number: int, isClosing: bool) -> None:
        if session not in self._latest and len(self._latest) >= _SESSIONS:
            return
        if number >= self._latest.get(session, -1):
            self._latest[session] = number
            self.reports[session] = report
            self.closingReport = isClosing or self.closingReport
        self.stretches.reported(report.start, report.bitmap)

    @property
    def report(self) -> RunReport | None:
        """
        The last report of a stampreflector that has kept one session for the whole run.
        """
        if len(self.reports) != 1:
            return None
        return next(iter(self.reports.values()))

    @property
    def isDecided(self) -> bool:
        """
        Whether the fate of every request is known: the reflector has reported, since all were sent,
        that as many have arrived as are known to have.
        """
        report = self.report
        return (
            report is not None
            and self.closingReport
            and not report.outside
            and report.first == self.stretches.known
        )

    @property
    def unseen(self) -> int:
        """
        The number of reply numbers below the greatest one seen that were not seen.
        """
        return max(self._requests, default=-1) + 1 - len(self._requests)

    @property
    def unseenBetween(self) -> int:
        """
        The number of unseen reply numbers between the least one seen and the greatest one of a
        reply to a request. Numbers below may be an earlier run's, numbers above a closing packet's.
        """
        measured = [n for n, request in self._requests.items() if request < len(self.answers)]
        if not measured:
            return 0
        least, greatest = min(self._requests), max(measured)
        return greatest + 1 - least - sum(n <= greatest for n in self._requests)
