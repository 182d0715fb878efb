"""Private messages as values of a stream."""

from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.private_log import encode_private, logs_of, read_private
from pylingo.reactor.history.private import Owner
from pylingo.shared.messages import Entry

texts = st.text(st.characters(codec="utf-8"), max_size=50)
maybe = st.none() | texts
entries = st.builds(
    Entry,
    texts,
    texts,
    st.integers(0, 2**63 - 1),
    maybe,
    maybe,
    st.none() | st.just(True),
    maybe,
    st.none() | st.booleans(),
    st.none() | st.just(True),
)


owners = st.integers(0, 2**64 - 1) | st.text(st.characters(codec="utf-8"), max_size=50)


@given(entries, st.integers(0, 2**64 - 1), owners, owners, st.integers(0, 2**64 - 1), st.booleans())
def test_a_message_comes_back_as_it_was(
    entry: Entry, session: int, sender: Owner, recipient: Owner, count: int, is_notice: bool
):
    value = encode_private(entry, session, sender, recipient, count, is_notice)
    assert read_private(entry.at, value) == (entry, session, sender, recipient, is_notice)


def test_the_same_words_said_again_are_another_message():
    entry = Entry("ada", "hi", 1, None, "ben")
    assert len({encode_private(entry, 1, 1, 2, count) for count in range(3)}) == 3


def test_the_logs_of_a_message():
    assert logs_of(7, 5) == ["@5|7", "@7", "@5"]
    assert logs_of("key", "key") == ["@key|key", "@key"]


def test_the_bytes_of_a_message():
    entry = Entry("ada", "hi", 1_700_000_000_000_000, "k1", "ben", None, "SHA256:x", True)
    value = "9c a3616461 a26869 a26b31 a362656e c0 a85348413235363a78 c3 c0 cf0000000100000007"
    value += "cf0000000100000007 a85348413235363a79 05"
    assert encode_private(entry, 2**32 + 7, 2**32 + 7, "SHA256:y", 5) == bytes.fromhex(value)
