"""A store with a fault fails the suite, in the case that is about this fault."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from deeper_auth import MemorySessionStore
from deeper_auth.conformance import CASES, Ability, Case, ClockHarness, Stage, run_case
from tests.auth.faults import ending, expiring, keeping, racing, refreshing
from tests.auth.faults.stores import Faultless, FaultyHarness, Unreachable

# Each fault, and the case that finds it.
FOUND: list[tuple[type[Faultless], str]] = [
    (keeping.BeginsAtOne, "a_new_session_is_live_and_of_generation_0"),
    (keeping.RoundsTimes, "what_is_found_is_what_was_created"),
    (keeping.CutsUserAgents, "what_a_client_said_of_itself_comes_back"),
    (keeping.SaysUnknownForNone, "what_a_client_said_of_itself_comes_back"),
    (keeping.ForgetsTheZone, "times_know_their_time_zone"),
    (keeping.FindsAnything, "an_unknown_session_is_not_found"),
    (keeping.KnowsOnePolicy, "the_absolute_limit_wins_from_the_start"),
    (keeping.OneSessionForEachUser, "a_user_may_have_many_sessions"),
    (keeping.ListsEverybody, "users_see_their_own_sessions_only"),
    (keeping.ListsByUse, "the_list_begins_with_the_newest_sign_in"),
    (keeping.ListsWhatEnded, "ended_sessions_are_neither_found_nor_listed"),
    (refreshing.ForgetsTheClient, "the_current_generation_rotates"),
    (refreshing.ReturnsTheVerdictOnly, "the_current_generation_rotates"),
    (refreshing.ReturnsWhatWasBefore, "what_a_rotation_returns_is_what_is_kept"),
    (refreshing.RotatesByOnePolicy, "a_refresh_goes_by_the_policy_that_it_is_given"),
    (refreshing.ForgetsTheAbsoluteLimit, "a_refresh_never_passes_the_absolute_limit"),
    (refreshing.ForgetsTheAbsoluteLimit, "the_absolute_limit_ends_a_session_in_use"),
    (refreshing.CountsUpWithinGrace, "the_previous_generation_within_grace_changes_nothing"),
    (refreshing.EndsTheSuccessorWithinGrace, "the_successor_is_current_within_grace"),
    (refreshing.GraceOfItsOwn, "without_grace_the_previous_generation_is_reuse_at_once"),
    (refreshing.ProlongsTheGrace, "the_grace_ends_and_is_not_prolonged"),
    (refreshing.ToleratesReuse, "reuse_ends_the_session"),
    (refreshing.CallsEveryEndALogout, "after_reuse_no_generation_works"),
    (refreshing.EndsEverythingOnReuse, "reuse_leaves_other_sessions_alone"),
    (refreshing.TakesNewerForOlder, "a_newer_generation_is_forged_and_changes_nothing"),
    (refreshing.Has63Bits, "a_newer_generation_is_forged_and_changes_nothing"),
    (refreshing.CreatesWhatItDoesNotKnow, "an_unknown_session_is_forged"),
    (refreshing.DatesRefreshesBack, "times_are_those_of_the_steps"),
    (refreshing.DatesEndsBack, "times_are_those_of_the_steps"),
    (expiring.NeverExpires, "an_idle_session_expires"),
    (expiring.NeverProlongs, "refreshing_keeps_a_session_alive"),
    (expiring.FindsReuseInWhatRanOut, "an_old_generation_of_an_expired_session_is_no_reuse"),
    (expiring.RevokesWhatRanOut, "an_expired_session_cannot_be_revoked"),
    (expiring.ForgetsByBirth, "live_sessions_are_never_forgotten"),
    (expiring.ForgetsRevokedAtOnce, "a_revoked_session_is_forgotten_when_it_is_old_enough"),
    (expiring.ForgetsExpiredAtOnce, "a_session_that_ran_out_is_forgotten_when_it_is_old_enough"),
    (expiring.ForgetsNothing, "what_is_forgotten_is_counted_once"),
    (ending.KeepsTheGraceOfTheDead, "a_revoked_session_is_dead_for_good"),
    (ending.KnowsOneReason, "every_reason_is_kept"),
    (ending.EndsAgain, "ending_twice_changes_nothing"),
    (ending.AsksNobodyWhoTheyAre, "nobody_ends_the_session_of_another"),
    (ending.EndsWhatIsNotThere, "an_unknown_session_cannot_be_ended"),
    (ending.EndsAllForOne, "ending_one_leaves_the_others"),
    (ending.CountsTheDead, "ending_all_ends_all_of_one_user"),
    (ending.KeepsNothing, "ending_the_others_keeps_one"),
    (ending.KeepsTheNewestIfNotTold, "keeping_the_session_of_another_keeps_nothing"),
    (ending.BarsTheUser, "signing_in_works_after_ending_all"),
    (racing.ReadsThenWrites, "refreshes_at_once_rotate_once"),
    (racing.ReadsThenWrites, "a_reuse_is_not_lost_to_a_refresh"),
    (racing.ReadsThenWrites, "signing_out_is_not_lost_to_a_refresh"),
    (racing.ReadsThenWrites, "ending_all_is_not_lost_to_refreshes"),
    (racing.LocksThisProcessOnly, "refreshes_at_once_of_two_processes_rotate_once"),
    (racing.RemembersWhatItFound, "what_one_process_ends_is_over_for_another"),
    (racing.FindsReuseTwice, "reuse_at_once_is_told_once"),
    (racing.RevokesLate, "ending_at_once_counts_once"),
    (racing.KeepsOneFile, "sessions_at_once_do_not_disturb_each_other"),
    (racing.HoldsOnWhenCancelled, "a_refresh_that_is_cancelled_is_whole"),
    (racing.CountsUpFirst, "a_refresh_that_is_cancelled_is_whole"),
    (racing.LeavesTasks, "times_know_their_time_zone"),
]
METHODS = ["create", "rotate", "find_live", "list_live", "revoke", "revoke_all", "forget_ended"]
SILENCE = "silence_is_no_answer"
BY_NAME: dict[str, Case] = {case.name: case for case in CASES}


@pytest.mark.parametrize(("fault", "name"), FOUND, ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_is_found(fault: type[Faultless], name: str) -> None:
    with pytest.raises((AssertionError, OverflowError)):
        run_case(BY_NAME[name], FaultyHarness(fault), longest=1.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_takes_silence_for_an_answer_is_found(method: str) -> None:
    unreachable = Unreachable()
    setattr(unreachable, method, getattr(MemorySessionStore(), method))
    with pytest.raises(AssertionError, match=method):
        run_case(BY_NAME[SILENCE], FaultyHarness(Faultless, unreachable))


def test_a_store_that_does_not_say_when_to_come_back_is_found() -> None:
    with pytest.raises(AssertionError, match="come back"):
        run_case(BY_NAME[SILENCE], FaultyHarness(Faultless, Unreachable(retry_after=None)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_a_fault_every_case_passes(case: Case) -> None:
    run_case(case, FaultyHarness(Faultless))


def test_there_is_a_fault_for_each_case() -> None:
    assert {case.name for case in CASES} == {name for _, name in FOUND} | {SILENCE}
    assert len(BY_NAME) == len(CASES)


class Plain:
    """Declares nothing, and can do nothing."""

    def __init__(self) -> None:
        self.without: dict[Ability, str] = {}

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Stage]:
        yield Stage(MemorySessionStore())


@pytest.mark.parametrize("case", [case for case in CASES if case.needs], ids=lambda case: case.name)
def test_what_a_harness_cannot_do_it_has_to_declare(case: Case) -> None:
    with pytest.raises(AssertionError, match="declares Ability"):
        run_case(case, Plain())


def test_cases_apply_unless_what_they_need_is_declared_to_be_missing() -> None:
    harness = ClockHarness(lambda clock: MemorySessionStore(clock=clock), {Ability.SHARING: "it is in the process"})
    assert not BY_NAME["what_one_process_ends_is_over_for_another"].applies(harness)
    assert BY_NAME["an_idle_session_expires"].applies(harness)
