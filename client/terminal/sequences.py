"""The meaning of one complete control sequence from a keyboard: xterm, rxvt, the Linux console, kitty. Pure.

`keys` finds where a sequence begins and ends. These are tables of our own because terminfo knows one form of each key,
while terminals send several, and has no names for most keys with modifiers.
"""

import re

from pylingo.client.terminal.input_events import CursorReport, Focus, InputEvent, Key, Mouse, Text

_SHIFT, ALT, _CTRL = 1, 2, 4
_PREFIXES = ((_CTRL, "ctrl-"), (ALT, "alt-"), (_SHIFT, "shift-"))
_RELEASED = "3"

CONTROLS = {code: f"ctrl-{chr(code + 0x60)}" for code in range(1, 27)} | {
    0x00: "ctrl-space",
    0x08: "backspace",
    0x09: "tab",
    0x0A: "enter",
    0x0D: "enter",
    0x1B: "escape",
    0x1C: "ctrl-\\",
    0x1D: "ctrl-]",
    0x1E: "ctrl-^",
    0x1F: "ctrl-_",
    0x7F: "backspace",
}
# Keyed by the last letter of CSI and SS3 sequences, with the modifiers that it implies; rxvt sends the small letters.
# R is F3 after SS3 only; after CSI it is a cursor report.
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_LETTERS = {letter: (name, 0) for letter, name in _ARROWS.items()}
_LETTERS |= {"H": ("home", 0), "F": ("end", 0), "P": ("f1", 0), "Q": ("f2", 0), "S": ("f4", 0)}
_CSI_LETTERS = _LETTERS | {letter.lower(): (name, _SHIFT) for letter, name in _ARROWS.items()} | {"Z": ("tab", _SHIFT)}
_SS3_LETTERS = _LETTERS | {letter.lower(): (name, _CTRL) for letter, name in _ARROWS.items()}
_SS3_LETTERS |= {"R": ("f3", 0), "M": ("enter", 0), "I": ("tab", 0)}
# Keyed by the number before ~ (xterm, vt220, linux) or before rxvt's ^ $ @, which give the modifier.
_NUMBERS = {1: "home", 2: "insert", 3: "delete", 4: "end", 5: "page-up", 6: "page-down", 7: "home", 8: "end"}
_NUMBERS |= dict(zip((11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24), (f"f{n}" for n in range(1, 13)), strict=True))
_NUMBER_FINALS = {"~": 0, "$": _SHIFT, "^": _CTRL, "@": _CTRL | _SHIFT}
# Keyed by the code of kitty's CSI u and xterm's modifyOtherKeys. Kitty numbers the keypad's keys from 57399 on.
_CODES = {8: "backspace", 9: "tab", 13: "enter", 27: "escape", 127: "backspace", 57414: "enter"}
_KEYPAD = ("left", "right", "up", "down", "page-up", "page-down", "home", "end", "insert", "delete")
_CODES |= dict(enumerate(_KEYPAD, 57417))
_KEYPAD_TEXT = dict(enumerate("0123456789./*-+", 57399)) | {57415: "=", 57416: ","}
_WITH_CTRL = {" ": 0x00, "@": 0x00, "[": 0x1B, "/": 0x1F, "_": 0x1F, "\\": 0x1C, "]": 0x1D, "^": 0x1E, "?": 0x7F}
_BUTTONS = {0: "left", 1: "middle", 2: "right", 64: "wheel-up", 65: "wheel-down"}
_PRIVATE_USE = range(0xE000, 0xF900)  # kitty's numbers of keys that type nothing
_SURROGATES = range(0xD800, 0xE000)

# Only an old mouse report may hold bytes above 0x7f.
SEQUENCE = re.compile(
    rb"\x1b(?:"
    rb"\[\[(?P<linux>[A-E])"
    rb"|\[(?P<mouse>M)[\x20-\xff]{3}"
    rb"|\[(?P<rxvt>[0-9]{1,2}\$)"
    rb"|\[(?![\[M])(?P<csi>[0-?]*+[ -/]*+[@-~])"
    rb"|O(?P<ss3>[0-9;]*+[A-Za-z]))"
)
_CSI_BODY = re.compile(
    r"(?P<code>[0-9]*)(?::(?P<shifted>[0-9]*)(?::(?P<base>[0-9]*))?)?"
    r"(?:;(?P<bits>[0-9]*)(?::(?P<event>[0-9]*)[0-9:]*)?(?:;(?P<third>[0-9]*)[0-9:]*)?)?(?P<final>[@-~$])"
)
_MOUSE_BODY = re.compile(r"<([0-9]{1,3});([0-9]{1,5});([0-9]{1,5})M")  # m instead of M is a release
_FOCUS = {"I": Focus(True), "O": Focus(False)}
_SS3_BODY = re.compile(r"(?:[0-9]*;)?([0-9]*)([A-Za-z])")


def meaning(found: re.Match[bytes], bits: int = 0) -> InputEvent | None:
    """The event of a complete sequence, with the modifiers `bits` added; None for a reply or an unknown sequence."""
    kind = found.lastgroup
    assert kind is not None
    body = found[kind].decode("ascii", "replace")
    if kind == "mouse":  # the old form: one byte each for button, column and row
        button, column, row = (byte - 0x20 for byte in found.group()[3:])
        return _mouse(button, column, row, bits)
    if kind == "linux":
        return _key(f"f{ord(body) - ord('A') + 1}", bits)
    return _ss3(body, bits) if kind == "ss3" else _csi(body, bits)


def _mouse(button: int, column: int, row: int, bits: int) -> Mouse | None:
    """The wheel or a pressed button, in whose number the modifiers are bits. The place is counted from 1."""
    bits |= sum(modifier for bit, modifier in ((4, _SHIFT), (8, ALT), (16, _CTRL)) if button & bit)
    key = _key(_BUTTONS.get(button & ~0b11100), bits)
    return Mouse(key.name, max(0, column - 1), max(0, row - 1)) if key is not None else None


def _csi(body: str, bits: int) -> InputEvent | None:
    if body in _FOCUS:
        return _FOCUS[body]
    if report := _MOUSE_BODY.fullmatch(body):
        return _mouse(int(report[1]), int(report[2]), int(report[3]), bits)
    parts = _CSI_BODY.fullmatch(body)
    if parts is None or parts["event"] == _RELEASED:
        return None
    code, third, final = int(parts["code"] or 1), parts["third"], parts["final"]
    if final == "R":
        return CursorReport(max(0, int(parts["bits"] or 1) - 1))
    bits |= _bits(parts["bits"])
    if final == "u":
        return _by_code(_in_layout(code, int(parts["shifted"] or 0), int(parts["base"] or 0), bits), bits)
    if final == "~" and code == 27 and third:
        return _by_code(int(third), bits)
    if final in _NUMBER_FINALS:
        return _key(_NUMBERS.get(code), bits | _NUMBER_FINALS[final])
    name, implied = _CSI_LETTERS.get(final, (None, 0))
    return _key(name, bits | implied)


def _in_layout(code: int, shifted: int, base: int, bits: int) -> int:
    """The code that counts of the three that kitty gives for a key.

    They are that of the key alone, that with Shift, and that in the layout of the United States, in which a Cyrillic
    letter with Ctrl is the Latin letter on the same key.
    """
    if bits & (_CTRL | ALT) and code > 0x7F and 0x20 <= base < 0x7F:
        return base
    return shifted if bits & _SHIFT and shifted else code


def _ss3(body: str, bits: int) -> Key | Text | None:
    parts = _SS3_BODY.fullmatch(body)
    if parts is None:
        return None
    bits |= _bits(parts[1])
    letter = parts[2]
    if "j" <= letter <= "y":  # the keypad's digits and signs in application mode
        return _by_code(ord(letter) - 0x40, bits)
    name, implied = _SS3_LETTERS.get(letter, (None, 0))
    return _key(name, bits | implied)


def _by_code(code: int, bits: int) -> Key | Text | None:
    """The key whose Unicode number, or number in kitty's list, is `code`."""
    if name := _CODES.get(code):
        return _key(name, bits)
    char = _KEYPAD_TEXT.get(code)
    if char is None:
        if code < 0x20 or 0x7F <= code < 0xA0 or code > 0x10FFFF or code in _PRIVATE_USE or code in _SURROGATES:
            return None
        char = chr(code)
    if not bits & (_CTRL | ALT):
        return Text(_upper(char) if bits else char)
    if bits & ~_SHIFT == _CTRL:
        if char in _WITH_CTRL or (bits == _CTRL and "a" <= char <= "z"):
            return Key(
                CONTROLS[_WITH_CTRL.get(char, ord(char) & 0x1F)]
            )  # the same as the control byte: ctrl-m is enter
        char = char.lower()
    elif bits & _SHIFT and not bits & _CTRL:
        char, bits = _upper(char), bits & ~_SHIFT  # the same as ESC and the letter: alt-B
    return _key("space" if char == " " else char, bits)


def _upper(char: str) -> str:
    """The capital of a letter; a letter that has no single one stays."""
    return char.upper() if len(char.upper()) == 1 else char


def _bits(number: str) -> int:
    """The modifiers in a parameter of xterm and kitty, which is 1 plus the sum of Shift, Alt and Ctrl."""
    return max(int(number or 1) - 1, 0) & (_SHIFT | ALT | _CTRL)


def _key(name: str | None, bits: int) -> Key | None:
    return Key("".join(prefix for bit, prefix in _PREFIXES if bits & bit) + name) if name else None
