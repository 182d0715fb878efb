"""What the person must answer before anything else."""

import pytest

from pylingo.client.events import Status
from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text
from pylingo.client.terminal.keyboard import pressed, typed
from pylingo.client.terminal.model import AcceptCertificate, Do, Effect, Model
from pylingo.client.terminal.questions import CertificateQuestion, answer, words
from pylingo.client.terminal.update import update
from pylingo.client.trust_errors import TrustError, UnknownCertificateError
from pylingo.shared.messages import Goodbye
from tests.fakes.window import NOON, make

PRINT = "SHA256:abc"
UNKNOWN = UnknownCertificateError("chat:7", PRINT, "self-signed certificate")


def asked() -> Model:
    """A window that has met an unknown certificate."""
    model = make(columns=100)
    update(model, Status("over", UNKNOWN), 0.0, NOON)
    return model


def answered(model: Model, *events: InputEvent) -> list[Effect]:
    effects: list[Effect] = []
    for event in events:
        effects += update(model, event, 0.0, NOON)
    return [effect for effect in effects if isinstance(effect, AcceptCertificate | Do)]


def shown(model: Model) -> str:
    return "\n".join(line.text for line in model.buffer.scrollback.lines)


def test_an_unknown_certificate_is_shown_and_asked_about() -> None:
    model = asked()
    assert PRINT in shown(model)
    assert "chat:7" in shown(model)
    assert "self-signed certificate" in shown(model)
    assert model.question == CertificateQuestion("chat:7", PRINT)
    assert words(model.question) == " Is this fingerprint the server's? Type yes or no: "


def test_yes_and_enter_accept_it() -> None:
    model = asked()
    assert answered(model, *map(Text, "YeS")) == []
    assert model.question is not None
    assert words(model.question).endswith(": YeS")
    assert answered(model, Key("enter")) == [AcceptCertificate(PRINT)]
    assert model.question is None
    assert model.buffer.editor.text == ""


@pytest.mark.parametrize(
    "keys",
    [
        [Text("y"), Key("enter")],
        [Text("no"), Key("enter")],
        [Text("yess"), Key("enter")],
        [Text("yes"), Key("backspace"), Key("enter")],
        [Text("yes"), Key("escape")],
        [Text("yes"), Key("ctrl-c")],
        [Key("ctrl-g")],
    ],
    ids=str,
)
def test_everything_else_refuses_it(keys: list[InputEvent]) -> None:
    model = asked()
    assert answered(model, *keys) == []
    assert model.question is None
    assert "not connected" in shown(model)
    assert answered(model, Key("enter")) == [Do.RECONNECT]


@pytest.mark.parametrize("event", [Key("enter"), Key("up"), Paste("yes"), Paste("yes\nyes\nyes\nyes\nyes\nyes\nyes")])
def test_nobody_accepts_it_without_a_word(event: InputEvent) -> None:
    model = asked()
    assert answered(model, event, Key("enter")) == []
    assert isinstance(model.question, CertificateQuestion)


def test_an_answer_stays_short() -> None:
    question = CertificateQuestion("chat:7", PRINT)
    question.type("x" * 100)
    question.type("\x1b[2J")
    assert len(question.typed) <= 8
    assert question.typed.isalpha()


def test_the_question_ends_when_the_client_connects() -> None:
    model = asked()
    update(model, Status("connecting"), 0.0, NOON)
    assert model.question is None


def test_a_certificate_that_changed_is_not_asked_about() -> None:
    model = make()
    update(model, Status("over", TrustError("THE CERTIFICATE OF chat:7 HAS CHANGED")), 0.0, NOON)
    assert model.question is None
    assert "HAS CHANGED" in shown(model)


def test_lines_are_answers() -> None:
    question = CertificateQuestion("chat:7", PRINT)
    assert answer(question, " yes ") == [Text("yes"), Key("enter")]
    assert answer(question, " ") == []
    assert answer(Paste("a"), "") == [Key("enter")]
    assert answer(Paste("a"), "Yes") == [Key("enter")]
    assert answer(Paste("a"), "what") == [Key("escape")]


@pytest.mark.parametrize("reason", ["password", "close", "banned"])
def test_a_missing_password_is_asked_for(reason: str) -> None:
    model = make()
    effects = update(model, Status("over", None, goodbye=Goodbye(reason, "words")), 0.0, NOON)
    assert (Do.ASK_PASSWORD in effects) == (reason == "password")


def test_the_functions_of_the_keyboard_are_those_of_the_window() -> None:
    model = asked()
    assert typed(model, Text("yes"), 0.0, NOON) == []
    assert pressed(model, Key("enter"), 0.0, NOON) == [AcceptCertificate(PRINT)]
