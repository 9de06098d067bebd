from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.frames import Piece
from deeper_api.chat.pieces import Body, calls_in, extend, join, make_piece, split
from deeper_api.store.generation_rows import Kind, Run
from tests.api.chat.answering import BODIES, flat


@given(BODIES)
def test_a_piece_is_what_it_was_made_of(given: tuple[Kind, Body]):
    assert split(make_piece(*given)) == given


@given(st.lists(BODIES))
def test_joining_changes_nothing_of_what_is_said_and_leaves_no_neighbours_of_one_kind(given: list[tuple[Kind, Body]]):
    joined = list(join([make_piece(*each) for each in given]))
    assert flat(joined) == flat(given)
    assert all(before[0] != after[0] for before, after in pairwise(joined))


@given(st.lists(BODIES), st.integers(0, 100))
def test_joining_in_two_steps_is_joining_in_one(given: list[tuple[Kind, Body]], cut: int):
    pieces = [make_piece(*each) for each in given]
    both = [*join(pieces[:cut]), *join(pieces[cut:])]
    assert list(join([make_piece(*each) for each in both])) == list(join(pieces))


@given(st.lists(BODIES))
def test_runs_remember_the_order_and_the_tool_calls(given: list[tuple[Kind, Body]]):
    runs: list[Run] = []
    for kind, body in given:
        extend(runs, kind, len(body), body if isinstance(body, tuple) else ())
    joined = list(join([make_piece(*each) for each in given]))
    assert [(run.kind, run.length) for run in runs] == [(kind, len(body)) for kind, body in joined]
    assert calls_in(runs) == [call for _, body in given if isinstance(body, tuple) for call in body]


def test_nothing_joined_is_nothing():
    assert list(join([])) == []


def test_one_piece_stays_as_it_is():
    assert list(join([Piece(content="a")])) == [("content", "a")]
