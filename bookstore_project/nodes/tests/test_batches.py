"""Several requests as one: what is written can be read, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookstore_project.nodes.batches import decode, encode

NAMES = st.dictionaries(st.text(), st.text() | st.integers(), max_size=5)
FRAMES = st.lists(st.tuples(NAMES, st.binary()), max_size=8)


@given(frames=FRAMES)
def test_what_is_encoded_is_decoded(frames: list[tuple[dict[str, object], bytes]]) -> None:
    assert decode(encode(frames)) == frames


@given(frames=FRAMES.filter(bool), data=st.data())
def test_what_is_cut_short_is_refused(frames: list[tuple[dict[str, object], bytes]], data: st.DataObject) -> None:
    whole = encode(frames)
    ends = {len(encode(frames[:count])) for count in range(len(frames))}
    length = data.draw(st.integers(1, len(whole) - 1).filter(lambda length: length not in ends))
    with pytest.raises(ValueError):
        decode(whole[:length])


@given(data=st.binary())
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        return


@pytest.mark.parametrize("data", [b"-1 5\n12345", b"5 -1\n12345", b"1\n1", b"\n", b"a b\n", b"9 9\n"])
def test_lengths_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)
