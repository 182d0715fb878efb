"""Private messages as values of a stream."""

from hypothesis import given
from hypothesis import strategies as st

from pylingo.reactor.bus.redis.private_log import encode_private, read_private
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


@given(entries, st.integers(0, 2**64 - 1))
def test_a_message_comes_back_as_it_was(entry: Entry, session: int):
    assert read_private(entry.at, encode_private(entry, session)) == (entry, session)


def test_the_bytes_of_a_message():
    entry = Entry("ada", "hi", 1_700_000_000_000_000, "k1", "ben", None, "SHA256:x", True)
    value = "99 a3616461 a26869 a26b31 a362656e c0 a85348413235363a78 c3 c0 cf0000000100000007"
    assert encode_private(entry, 2**32 + 7) == bytes.fromhex(value)
