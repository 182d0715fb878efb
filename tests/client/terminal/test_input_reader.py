"""From bytes to input events, by key and by line."""

import math

import pytest

from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text
from pylingo.client.terminal.input_reader import InputReader
from pylingo.client.terminal.questions import Question, answer
from pylingo.reactor.engine.loop import Reactor
from tests.fakes.clock import Clock


class Typist:
    """An input reader, and the events that it passed on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reactor = Reactor(self.clock, most_late=math.inf)
        self.events: list[InputEvent] = []
        self.failures: list[str] = []
        self.question: Question | None = None
        self.reader = InputReader(self.reactor, {}, self.events.extend)

    def answer(self, line: str) -> list[InputEvent] | None:
        return answer(self.question, line) if self.question is not None else None

    def line(self, data: bytes) -> list[InputEvent]:
        self.events.clear()
        self.reader.feed_lines(data, self.answer, self.failures.append)
        return self.events


@pytest.fixture
def typist():
    made = Typist()
    yield made
    made.reactor.close()


def test_keys_and_text(typist: Typist) -> None:
    typist.reader.feed(b"ab\x1b[D")
    assert typist.events == [Text("ab"), Key("left")]


def test_an_escape_is_a_key_once_nothing_has_followed_it(typist: Typist) -> None:
    typist.reader.feed(b"\x1b")
    assert typist.events == []
    typist.clock.now += 10.0
    typist.reactor.tick(0)
    assert typist.events == [Key("escape")]


def test_the_rest_of_a_sequence_in_time_completes_it(typist: Typist) -> None:
    typist.reader.feed(b"\x1b")
    typist.reader.feed(b"[D")
    typist.clock.now += 10.0
    typist.reactor.tick(0)
    assert typist.events == [Key("left")]


def test_a_paste_is_told_of_before_its_end(typist: Typist) -> None:
    typist.reader.feed(b"\x1b[200~one")
    assert typist.reader.decoder.is_pasting
    typist.reader.feed(b" two\x1b[201~")
    assert not typist.reader.decoder.is_pasting
    assert typist.events == [Paste("one two")]


def test_a_line_replaces_what_could_not_be_sent(typist: Typist) -> None:
    assert typist.line(b"hel") == []
    assert typist.line(b"lo\n") == [Key("ctrl-e"), Key("ctrl-u"), Text("hello"), Key("enter")]
    assert typist.line(b"\n") == [Key("ctrl-e"), Key("ctrl-u"), Key("enter")]


@pytest.mark.parametrize(("answer", "key"), [(b"y", "enter"), (b" YES ", "enter"), (b"", "enter"), (b"no", "escape")])
def test_a_line_answers_a_question(typist: Typist, answer: bytes, key: str) -> None:
    typist.question = Paste("a")
    assert typist.line(answer + b"\n") == [Key(key)]


def test_a_line_that_cannot_be_sent_is_an_error(typist: Typist) -> None:
    assert typist.line(b"\xff\n") == []
    (words,) = typist.failures
    assert "UTF-8" in words
