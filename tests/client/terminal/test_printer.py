"""The layout `plain` in the window: lines of text and nothing else."""

from pylingo.client.events import Received, Status
from pylingo.client.settings import Preferences
from pylingo.client.terminal.buffer import Buffer
from pylingo.client.terminal.input_events import Key, Paste, Text
from pylingo.client.terminal.model import Event, Model
from pylingo.client.terminal.printer import Printer
from pylingo.client.terminal.update import update
from pylingo.shared.messages import Joined, Message, Private, Sent

AT = 1_700_000_000_000_000


def happen(model: Model, printer: Printer, *events: Event) -> str:
    for event in events:
        update(model, event, 0.0, AT)
    return printer.frame(model, 0.0)


def make() -> tuple[Model, Printer]:
    model, printer = Model("localhost:5000", Preferences(layout="plain")), Printer()
    assert "you are in lobby" in happen(model, printer, Status("online"), Received(Joined("lobby", "ada", 2)))
    return model, printer


def test_lines_are_printed_once_and_without_any_sequence():
    model, printer = make()
    text = happen(model, printer, Received(Message("lobby", "bob", "hi\x1b[6n ada", AT)))
    assert text.endswith("bob: hi\ufffd[6n ada\n")
    assert text.isprintable() or "\x1b" not in text
    assert happen(model, printer) == ""
    assert printer.enter() == printer.leave() == ""


def test_further_rows_are_indented():
    model, printer = make()
    rows = happen(model, printer, Received(Message("lobby", "bob", "word " * 40 + "\n03:00 eve: no", AT))).splitlines()
    assert len(rows) > 2
    assert all(row.startswith("      ") for row in rows[1:])


def test_the_line_of_the_person_is_on_the_screen_already():
    model, printer = make()
    assert happen(model, printer, Text("hello"), Key("enter")) == ""
    [key] = model.buffer.scrollback.unsent
    assert happen(model, printer, Received(Sent("lobby", AT + 1, key=key))) == ""


def test_hints_and_questions_are_lines_each_said_once():
    model, printer = make()
    assert happen(model, printer, Text("/colors perhaps"), Key("enter")).startswith("! ")
    assert happen(model, printer) == ""
    assert "Paste 9 lines" in happen(model, printer, Key("ctrl-u"), Paste("\n".join("123456789")))


def test_a_buffer_with_something_new_is_named_once_until_it_is_shown():
    model, printer = make()
    model.buffers += [Buffer("ops"), Buffer(person="grace")]
    ops, private = Received(Message("ops", "bob", "hi", AT)), Received(Private("grace", "ada", "psst", AT))
    assert happen(model, printer, ops) == "* new in 2:ops\n"
    assert happen(model, printer, ops, private) == "* new in 3:@grace\n"
    assert happen(model, printer, Received(Message("ops", "bob", "ada!", AT))) == "* new in 2:ops\n", "it is urgent now"
    assert "--- 2:ops ---" in happen(model, printer, Text("/switch 2"), Key("enter"))
    assert happen(model, printer, Text("/switch 1"), Key("enter")) == "--- 1:lobby ---\n"
    later = Received(Message("ops", "bob", "hi", AT + 1))
    assert happen(model, printer, later) == "* new in 2:ops\n"
