"""
Charsets: UTF-8 is UTF-8; for the rest a guess that a reader of that language would make.
"""

# ruff: noqa: RUF001  # the letters of other scripts are meant
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from tests.gopher.splits import everySplit
from twisted_netdemo.gopher.readers import TextReader
from twisted_netdemo.gopher.text.characters import knownCharset
from twisted_netdemo.gopher.text.charset import Charsets, decode, guess

_RUSSIAN = "\u041f\u0440\u0438\u0432\u0435\u0442! \u041a\u0430\u043a \u0434\u0435\u043b\u0430"

KNOWN = [
    ("caf\xe9", "cp1252"),
    ("\xe9", "cp1252"),
    ("20\xb0C, \xa9 1999", "cp1252"),
    ("don\u2019t \u201cquote\u201d me", "cp1252"),
    ("Gr\xfc\xdfe aus K\xf6ln", "cp1252"),
    ("d\xe9j\xe0 vu, \xc9COLE", "cp1252"),
    ("Gr\xfc\xdfe aus K\xf6ln", "cp437"),
    ("caf\xe9 au lait, tr\xe8s bon", "cp437"),
    (
        "\u2554\u2550\u2550\u2550\u2557\n\u2551 hi \u2551\n\u255a\u2550\u2550\u2550\u255d",
        "cp437",
    ),
    ("\u2514\u2500\u2500 files", "cp437"),
    ("\u2591\u2592\u2593 Hello \u2593\u2592\u2591", "cp437"),
    (
        _RUSSIAN,
        "koi8_r",
    ),
    (
        _RUSSIAN,
        "cp1251",
    ),
]

# A text of each language, and a short line of it, as its readers should see them.
LANGUAGES = {
    "L'été dernier, nous avons mangé des crêpes à la crème brûlée, et le garçon a ri.\nDéjà\n": (
        *("cp1252", "cp437", "mac_roman"),
    ),
    "Grüße aus Köln! Die Straße führt über eine Brücke.\nSchöne Märchen für müde Kinder.\n": (
        *("cp1252", "cp437", "mac_roman"),
    ),
    "El niño soñó con una montaña pequeña. ¿Dónde está la señora?\nMañana, canción.\n": (
        *("cp1252", "mac_roman"),
    ),
    "Příliš žluťoučký kůň úpěl ďábelské ódy.\nKde je můj přítel? Šel do města.\n": (
        *("iso8859_2", "cp1250"),
    ),
    "Zażółć gęślą jaźń. Wczoraj byliśmy w górach.\nŁódź płynie po jeziorze.\n": (
        *("iso8859_2", "cp1250"),
    ),
    "Привет! Сегодня хорошая погода.\nНовости\nАРХИВ ФАЙЛОВ\n": ("koi8_r", "cp1251", "cp866"),
    "こんにちは。今日は天気がいいので、公園へ散歩に行きます。\n日本語\n": ("cp932", "euc_jp"),
    "你好！今天天气很好，我们去公园散步。\n欢迎来到我们的服务器。\n": ("gb18030",),
    "你好！今天天氣很好，我們去公園散步。\n歡迎來到我們的伺服器。\n": ("big5",),
    "안녕하세요. 오늘은 날씨가 좋아서 공원에 갑니다.\n": ("cp949",),
}


class GuessTests(TestCase):
    def test_known(self) -> None:
        """
        Texts as people write them are shown with the characters that were meant.
        """
        for text, charset in KNOWN:
            self.assertEqual(guess(text.encode(charset)), charset, text)

    def test_languages(self) -> None:
        """
        So are those of other languages, and of other times, as texts and as menus.
        """
        for text, charsets in LANGUAGES.items():
            for charset in charsets:
                data = text.encode(charset)
                menu = b"".join(b"0%b\t/x\th\t70\r\n" % line for line in data.splitlines())
                for body in (data, menu, data * 40):
                    self.assertEqual(guess(body), charset, text)

    def test_utf8(self) -> None:
        """
        UTF-8 is recognised, ASCII too, even if the end is cut off within a character.
        """
        for data in (b"", b"plain", "caf\xe9".encode(), "\xe9\xe9".encode()[:-1]):
            self.assertEqual(guess(data), "utf-8")

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """
        There is a charset for any bytes at all.
        """
        self.assertEqual(bool(data.decode(guess(data), "replace")), bool(data))

    def test_mark(self) -> None:
        """
        A byte order mark at the beginning is not shown.
        """
        self.assertEqual(decode(b"\xef\xbb\xbfhi", "utf-8"), "hi")


class CharactersTests(TestCase):
    def read(self, *pieces: bytes, charset: str | None = None) -> tuple[str, str]:
        reader = TextReader(guess, charset)
        text = "".join(text for piece in pieces for text in reader.feed(piece))
        text += "".join(reader.end())
        return reader.charset, text

    def test_marks(self) -> None:
        """
        A byte order mark decides the charset and is no part of the text, however it was cut.
        """
        for mark, charset in (
            (b"\xef\xbb\xbf", "utf-8"),
            (b"\xff\xfe", "utf-16-le"),
            (b"\xfe\xff", "utf-16-be"),
        ):
            body = mark + "caf\xe9 \U0001f600\r\n..a\r\n.\r\n".encode(charset)
            for pieces in everySplit(body):
                self.assertEqual(self.read(*pieces), (charset, "caf\xe9 \U0001f600\n.a\n"), pieces)

    def test_anySplit(self) -> None:
        """
        How the network cut a text changes neither the guess nor the text.
        """
        for text, charset in [*KNOWN, ("abc\n\xfc", "cp1252")]:
            body = text.encode(charset)
            whole = self.read(body)
            for pieces in everySplit(body):
                self.assertEqual(self.read(*pieces), whole, pieces)

    def test_said(self) -> None:
        """
        A charset that was said is not doubted, one without ASCII's bytes too.
        """
        for charset in ("koi8-r", "utf-16-le", "cp037", "iso2022_jp", "cp1252"):
            text = "\u65e5\u672c\n" if charset == "iso2022_jp" else "hi\n"
            name = knownCharset(charset)
            self.assertEqual(self.read(text.encode(charset), charset=name), (name, text))

    def test_names(self) -> None:
        """
        A name that is no charset is refused, and so are Python's codecs that are none.
        """
        for name in (
            "nonsense",
            "",
            "a\0b",
            "rot13",
            "base64",
            "punycode",
            "idna",
            "unicode_escape",
        ):
            self.assertRaises(ValueError, knownCharset, name)

    def test_held(self) -> None:
        """
        ASCII is read at once; from the first other byte on a bounded sample is held back.
        """
        reader = TextReader(guess)
        self.assertEqual([*reader.feed(b"plain\n")], ["plain\n"])
        self.assertEqual([*reader.feed(b"then \xe9 ")], ["then "])
        given = [len("".join(reader.feed(b"words and more words\n" * 100))) for _ in range(40)]
        self.assertEqual(given[0], 0)
        self.assertEqual(given[-1], 2100)


class MemoryTests(TestCase):
    def test_remembered(self) -> None:
        """
        The guess for a long page of a host decides for a short one, on that host only.
        """
        charsets = Charsets()
        charsets.guess("a", "tr\xe8s bon, d\xe9j\xe0 bu".encode("cp437"))
        self.assertEqual(charsets.guess("a", b"\x97"), "cp437")
        self.assertEqual(charsets.guess("b", b"\x97"), "cp1252")
        self.assertEqual(charsets.guess("a", b"plain"), "utf-8")

    def test_bounded(self) -> None:
        """
        Visits to very many hosts do not fill the memory.
        """
        charsets = Charsets()
        for number in range(2000):
            charsets.guess(f"h{number}", b"\xe9")
        self.assertLessEqual(len(charsets._hosts), 1024)
