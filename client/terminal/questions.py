"""Questions that the person answers before anything else: about a large paste, about an unknown certificate. Pure.

A certificate is accepted only by the word yes and Enter, as in ssh, so nobody accepts one while typing a message.
"""

from dataclasses import dataclass

from pylingo.client.terminal.input_events import InputEvent, Key, Paste, Text
from pylingo.shared.text import counted

_LONGEST_ANSWER = 8
_NO = ("escape", "ctrl-g", "ctrl-c")


@dataclass(slots=True)
class CertificateQuestion:
    """Whether the certificate with this fingerprint is the server's. `typed` is the answer so far."""

    where: str
    fingerprint: str
    typed: str = ""

    def type(self, text: str) -> None:
        self.typed = (self.typed + "".join(filter(str.isalpha, text)))[:_LONGEST_ANSWER]

    def press(self, key: str) -> bool | None:
        """Return the answer if `key` completes it, else None."""
        match key:
            case "backspace":
                self.typed = self.typed[:-1]
            case "enter" if self.typed:
                return self.typed.lower() == "yes"
            case _ if key in _NO:
                return False
        return None


type Question = Paste | CertificateQuestion


def words(question: Question) -> str:
    """The question for the status row."""
    match question:
        case Paste(text):
            lines = text.rstrip("\n").count("\n") + 1
            return f" Paste {counted(lines, 'line')}, {counted(len(text), 'character')}? Enter: yes, Esc: no"
        case CertificateQuestion():
            return f" Is this fingerprint the server's? Type yes or no: {question.typed}"


def answer(question: Question, line: str) -> list[InputEvent]:
    """The events for a whole line that is typed as an answer."""
    word = line.strip()
    if isinstance(question, CertificateQuestion):
        return [Text(word), Key("enter")] if word else []
    return [Key("enter" if word.lower() in ("", "y", "yes") else "escape")]
