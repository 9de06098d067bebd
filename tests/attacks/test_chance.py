"""The arithmetic of what times tell."""

import random

import pytest

from tests.attacks.__main__ import chance


def test_of_two_samples_without_anything_in_common_it_is_what_the_tables_say():
    # The smaller are all before the larger: U is 0, of 12.5 on average with a deviation of 4.787.
    assert chance(range(5), range(5, 10)) == pytest.approx(0.00902, abs=1e-5)
    assert chance(range(5, 10), range(5)) == pytest.approx(0.00902, abs=1e-5)


def test_of_two_samples_that_lie_evenly_it_is_certain():
    assert chance([1, 4], [2, 3]) == 1


def test_a_tenth_of_a_deviation_is_found_in_many():
    by = random.Random(4711)
    ones, others = ([by.gauss(mean) for _ in range(3_000)] for mean in (0, 0.1))
    assert chance(ones, others) < 0.01 < chance(ones[:1_500], ones[1_500:])
