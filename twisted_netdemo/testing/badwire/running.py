"""
Programs and functions on a bad wire: C{run} and C{call}.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from twisted_netdemo.testing.badwire import inside_network, rerun
from twisted_netdemo.testing.badwire.figures import NETWORK, checkTimeout
from twisted_netdemo.testing.badwire.inside_network import forbidInside
from twisted_netdemo.testing.badwire.network_child import (
    NetworkChild,
    Reader,
    TookTooLong,
    WireGone,
    leave,
)
from twisted_netdemo.testing.badwire.pickles import Pickles, pipe, send
from twisted_netdemo.testing.badwire.refusals import Mistake
from twisted_netdemo.testing.badwire.result import Result, about
from twisted_netdemo.testing.badwire.wire_record import KernelCounters, WireRecord
from twisted_netdemo.testing.badwire.wires import OpenWire, WireFailed

#: How many bytes of each output are kept.
_MOST = 1 << 26


class _Output:
    """
    What a program writes to one of its outputs.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._pieces: list[bytes] = []
        self._size = 0

    def __call__(self, piece: bytes) -> None:
        """
        @raise Mistake: it is too much.
        """
        self._size += len(piece)
        if self._size > _MOST:
            raise Mistake(f"{self.name}: the program wrote more than {_MOST >> 20} MiB")
        self._pieces.append(piece)

    @property
    def data(self) -> bytes:
        return b"".join(self._pieces)

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "surrogateescape")


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    input: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 30,
    **figures: Any,
) -> Result:
    """
    Run a program in a private network with a bad wire, and wait for its end. It reaches the other
    side of the wire as C{far.wire}. What it leaves running is ended after it.

    @param argv: the program and its arguments.
    @param input: its standard input; by default it is empty.
    @param env: its whole environment, by default this process's. The addresses of the wire's ends
        are added.
    @param cwd: its working directory.
    @param timeout: after how many seconds it is killed.
    @param figures: the options of C{badwire run}, with underscores: C{up_loss={3}, delay="20ms"}.
    @raise Mistake: a figure is wrong.
    @raise Unavailable: the system forbids a private network. A test runner takes it as a skip.
    @raise OSError: the program cannot be started.
    """
    forbidInside("run")
    words = NETWORK.words(rerun.seeded(figures))
    checkTimeout(timeout)
    command = [] if isinstance(argv, (str, bytes)) else [_text("argv", each) for each in argv]
    if not command or not command[0]:
        raise Mistake(f"argv: {argv!r} is not a program and its arguments")
    if not isinstance(input, (str, bytes, bytearray, memoryview, type(None))):
        raise Mistake(f"input: {input!r} is neither text nor bytes")
    data = input.encode() if isinstance(input, str) else input or b""
    given = None if env is None else {_name(each): _text("env", env[each]) for each in env}
    folder = None if cwd is None else _text("cwd", cwd)
    with contextlib.closing(OpenWire(words)) as wire, contextlib.ExitStack() as stack:
        pipes = [pipe(stack) for _ in range(4)]
        (stdin, toStdin), (stdout, toStdout), (stderr, toStderr), (failed, toFailed) = pipes

        def execute() -> NoReturn:
            for place, file in enumerate((stdin, toStdout, toStderr)):
                os.dup2(file.fileno(), place)
            try:
                os.setsid()
                if folder is not None:
                    os.chdir(folder)
                for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
                    signal.signal(number, signal.SIG_DFL)
                environment = os.environ if given is None else {**given, **wire.environment}
                os.execvpe(command[0], command, environment)
            except OSError as error:
                # The pipe is there only as long as there is no program.
                name = error.filename if isinstance(error.filename, str) else command[0]
                os.write(toFailed.fileno(), os.fsencode(f"{error.errno} {name}"))
            os._exit(127)

        child = NetworkChild(wire, execute)
        for file in (stdin, toStdout, toStderr, toFailed):
            file.close()
        out, err, why = _Output("stdout"), _Output("stderr"), _Output("the program")
        readers = {stdout: out, stderr: err, failed: why}
        try:
            timedOut = _waitFor(child, wire, timeout, readers, (toStdin, data))
        finally:
            child.kill(readers)
        if why.data:
            errno, _, name = os.fsdecode(why.data).partition(" ")
            raise OSError(int(errno), os.strerror(int(errno)), name)
        record = finished(wire, words, drain=not timedOut)
    again = rerun.ofProgram(command, words, record.seed)
    return Result(_status(child), record, again, out.text, err.text, timedOut)


def _text(parameter: str, each: object) -> str:
    """
    Something that a program gets, as text.

    @raise Mistake: no program can have it.
    """
    text = os.fspath(each) if isinstance(each, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text:
        raise Mistake(f"{parameter}: {each!r} is not text without NUL, or a path")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise Mistake(f"{parameter}: {each!r} cannot be a program's: {error.reason}") from None
    return text


def _name(each: object) -> str:
    """
    The name of a variable of the environment.
    """
    name = _text("env", each)
    if not name or "=" in name:
        raise Mistake(f"env: {each!r} is no name of a variable")
    return name


def call(function: Callable[..., Any], *args: Any, timeout: float = 30, **figures: Any) -> Result:
    """
    Call a function in a private network with a bad wire. It runs in a child that is forked for it
    and has all that this process has, but for threads; what it changes here is not seen. What it
    returns has to be picklable.

    @param args: its arguments.
    @param timeout: after how many seconds it is killed.
    @param figures: the options of C{badwire run}, with underscores: C{up_loss={3}, delay="20ms"}.
    @raise Mistake: a figure is wrong.
    @raise Unavailable: the system forbids a private network. A test runner takes it as a skip.
    @raise TimeoutError: it took too long. As for all exceptions of the function, a note tells what
        happened on the wire.
    @raise ChildProcessError: its process ended without an answer.
    @raise BaseException: what the function raised. C{SystemExit} is the result's C{status} instead.
    """
    __tracebackhide__ = True
    name = getattr(function, "__qualname__", repr(function))
    return calling(name, rerun.ofFunction, function, args, timeout, figures)


def calling(
    name: str,
    again: Callable[[str, int], str],
    function: Callable[..., Any],
    args: tuple[Any, ...],
    timeout: float,
    figures: Mapping[str, Any],
) -> Result:
    """
    L{call} a function.

    @param name: its name in messages.
    @param again: makes the command that calls it again, given its name and the seed.
    """
    __tracebackhide__ = True
    forbidInside("call")
    words = NETWORK.words(rerun.seeded(figures))
    checkTimeout(timeout)
    with contextlib.closing(OpenWire(words)) as wire, contextlib.ExitStack() as stack:
        answers, toUs = pipe(stack)
        dump = stack.enter_context(tempfile.TemporaryFile())
        child = NetworkChild(wire, lambda: _answer(wire, toUs, function, args), dump)
        toUs.close()
        pickles = Pickles()
        readers = {answers: pickles.feed}
        where = ""
        try:
            timedOut = _waitFor(child, wire, timeout, readers)
            if timedOut:
                where = child.whereabouts(readers)
        finally:
            child.kill(readers)
        record = finished(wire, words, drain=not timedOut)
    command = again(name, record.seed)
    answer = next(pickles.take(), None)
    status = _status(child)
    if answer is not None and answer.error is None and not answer.text:
        return Result(answer.status, record, command, value=answer.value)
    if answer is not None:
        error, where = answer.error or RuntimeError(answer.text), answer.traceback
    elif timedOut:
        error = TimeoutError(f"{name} has not returned within {timeout:g} s")
    else:
        error, where = ChildProcessError(f"{name}: {ending(status)}"), child.dump()
    error.add_note("\n".join(["In the network:", *where.splitlines(), *about(record, command)]))
    raise error


@dataclass(frozen=True)
class _Answer:
    """
    How a function ended.

    @ivar error: the exception that it raised, if that can be pickled.
    @ivar text: why there is neither a value nor an exception.
    """

    value: Any = None
    status: int = 0
    error: BaseException | None = None
    text: str = ""
    traceback: str = ""


def _answer(
    wire: OpenWire, answers: IO[bytes], function: Callable[..., Any], args: tuple[Any, ...]
) -> NoReturn:
    """
    In the network: call the function, and send how it ended.
    """
    inside_network.begin(wire.commands)
    try:
        answer = _Answer(function(*args))
    except SystemExit as ended:
        isText = ended.code is not None and not isinstance(ended.code, int)
        if isText:
            print(ended.code, file=sys.stderr)
        answer = _Answer(status=1 if isText else int(ended.code or 0))
    except BaseException as error:
        trace = error.__traceback__
        if trace is not None and trace.tb_next is not None:
            trace = trace.tb_next  # without this frame
        shown = "".join(traceback.format_exception(type(error), error, trace))
        answer = _Answer(error=error, traceback=shown)
        if not isPicklable(error):
            text = "".join(traceback.format_exception_only(error)).strip()
            answer = _Answer(text=text, traceback=shown)
    try:
        send(answers.fileno(), answer)
    except Exception as error:
        kind = type(answer.value).__name__
        send(answers.fileno(), _Answer(text=f"the value, a {kind}, cannot be pickled: {error}"))
    leave()


def isPicklable(error: BaseException) -> bool:
    """
    Whether an exception is the same after it was pickled.
    """
    try:
        return isinstance(pickle.loads(pickle.dumps(error)), type(error))
    except Exception:
        return False


def _waitFor(
    child: NetworkChild,
    wire: OpenWire,
    timeout: float,
    readers: Mapping[IO[bytes], Reader],
    writing: tuple[IO[bytes], bytes] | None = None,
) -> bool:
    """
    Wait for a child's end.

    @return: whether it has not ended in time.
    @raise WireFailed: badwire failed.
    """
    try:
        child.wait(time.monotonic() + timeout, readers, writing)
    except TookTooLong:
        return True
    except WireGone:
        wire.over()
        raise WireFailed("the wire has ended too early") from None
    return False


def _status(child: NetworkChild) -> int:
    return -1 if child.status is None else child.status


def ending(status: int | None) -> str:
    """
    The words for the end of a process that has told nothing.
    """
    if status is None:
        return "its process has ended, and some other code has taken its status"
    if status > 128:
        with contextlib.suppress(ValueError):
            return f"its process was killed by {signal.Signals(status - 128).name}"
    return f"its process has ended with status {status}"


def finished(wire: OpenWire, words: Sequence[str], drain: bool) -> WireRecord:
    """
    End a wire.

    @param words: its options.
    @param drain: whether it shall wait for its network first.
    @raise WireFailed: badwire failed.
    """
    wire.ask(drain)
    answer = wire.over()
    return WireRecord(
        wire.seed,
        words,
        wire.events(),
        KernelCounters(answer["kernel"]),
        answer["notes"],
        answer["left_out"],
    )
