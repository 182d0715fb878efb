"""Hypothesis strategies for histories and requests, and the check of a page against the protocol."""

from hypothesis import strategies as st

from pylingo.reactor.history.history import Page
from pylingo.shared.codec import encode, event_codec
from pylingo.shared.framing import HEADER_SIZE, MAX_BODY
from pylingo.shared.messages import MAX_PAGE, Entry, HistoryPage, HistoryRequest

LONGEST_ROOM = "\N{OLD TURKIC LETTER ORKHON A}" * 64
AROUND_PAGE = 768  # bytes that a page may leave free for what stands around its messages
AROUND_ENTRY = 24  # bytes by which the estimate of one message may be too high: stamps here are small
LAST = 2**64 - 1


def frame_of(page: Page, room: str = LONGEST_ROOM) -> int:
    """The size of the page's frame, where all that stands around the messages is as long as it can be."""
    return len(encode(HistoryPage(room, page.messages, page.more, LAST, 2**63 - 1))) - HEADER_SIZE


def size_of(entry: Entry) -> int:
    """The bytes that a message adds to a frame."""
    empty = len(encode(HistoryPage("tea", [], False, None)))
    return len(encode(HistoryPage("tea", [entry], False, None))) - empty


def wanted(said: list[Entry], request: HistoryRequest) -> list[Entry]:
    """All that is in the direction of a request, nearest first, whatever the limit."""
    since = -1 if request.since is None else request.since
    before = LAST + 1 if request.before is None else request.before
    found = [entry for entry in said if since < entry.at < before]
    return found if request.since is not None else found[::-1]


def assert_page(page: Page, said: list[Entry], request: HistoryRequest) -> None:
    """The page is what the protocol says of a log in which `said` is kept; it may end where its frame is full."""
    found = wanted(said, request)
    nearest_first = page.messages if request.since is not None else page.messages[::-1]
    assert nearest_first == found[: len(nearest_first)]
    assert len(nearest_first) <= request.limit
    assert page.more == (len(found) > len(nearest_first))
    assert page.oldest == (said[0].at if said else None)
    size = frame_of(page)
    assert size <= MAX_BODY
    if len(nearest_first) < min(request.limit, len(found)):
        slack = AROUND_PAGE + AROUND_ENTRY * (len(nearest_first) + 1)
        assert size + size_of(found[len(nearest_first)]) + slack > MAX_BODY, "another message would have fit"
    assert event_codec.decode(encode(HistoryPage("tea", page.messages, page.more, page.oldest))[HEADER_SIZE:])


names = st.sampled_from(["a", "alice", "bob", "\N{OLD TURKIC LETTER ORKHON A}" * 32])
keys = st.none() | st.sampled_from(["k", "k" * 32])
texts = st.builds(
    lambda letter, count: letter * count,
    st.sampled_from(["x", "ß", "€", "\N{TEACUP WITHOUT HANDLE}", "\N{GRINNING FACE}"]),
    st.sampled_from([1, 31, 32, 255, 256, 400, 1_000, 4_096]) | st.integers(1, 4_096),
)
stamps = st.none() | st.integers(0, 130) | st.just(LAST)
requests = st.builds(HistoryRequest, stamps, stamps, st.integers(1, MAX_PAGE) | st.just(MAX_PAGE))


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Messages, ascending; some of the same kind follow each other, so that they are many."""
    entries: list[Entry] = []
    at = draw(st.integers(0, 3))
    for name, text, key, count, step in draw(
        st.lists(st.tuples(names, texts, keys, st.sampled_from([1, 2, 40]), st.integers(1, 3)), max_size=12)
    ):
        for _ in range(count):
            entries.append(Entry(name, text, at, key))
            at += step
    return entries
