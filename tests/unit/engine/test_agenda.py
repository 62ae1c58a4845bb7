"""The agenda: by time, then by rank, then by the order in which things were added."""

from functools import partial
from random import Random

from engine.agenda import Agenda, Rank


def run_all(agenda: Agenda) -> None:
    while agenda.next_due_ns is not None:
        agenda.run_next()


def _note(ran: list[int], number: int, _at_ns: int) -> None:
    ran.append(number)


def test_actions_run_by_time_and_get_the_time_they_were_due() -> None:
    agenda, ran = Agenda(), list[int]()
    for due_ns in (30, 10, 20):
        agenda.at(due_ns, ran.append)
    assert (len(agenda), agenda.next_due_ns) == (3, 10)
    run_all(agenda)
    assert ran == [10, 20, 30]
    assert (len(agenda), agenda.next_due_ns) == (0, None)


def test_actions_of_one_instant_run_in_the_order_in_which_they_were_added() -> None:
    agenda, ran = Agenda(), list[int]()
    numbers = list(range(50))
    for number in numbers:
        agenda.at(7, partial(_note, ran, number))
    run_all(agenda)
    assert ran == numbers


def test_action_added_while_one_runs_comes_after_the_others_of_its_instant() -> None:
    agenda, ran = Agenda(), list[str]()

    def first(at_ns: int) -> None:
        ran.append("first")
        agenda.at(at_ns, lambda _at_ns: ran.append("added"))

    agenda.at(5, first)
    agenda.at(5, lambda _at_ns: ran.append("second"))
    run_all(agenda)
    assert ran == ["first", "second", "added"]


def test_any_order_of_adding_gives_the_same_order_of_times() -> None:
    times = [Random(3).randrange(20) for _ in range(200)]
    agenda, ran = Agenda(), list[int]()
    for due_ns in times:
        agenda.at(due_ns, ran.append)
    run_all(agenda)
    assert ran == sorted(times)


def test_rank_decides_among_actions_of_one_instant_whenever_they_were_added() -> None:
    agenda, ran = Agenda(), list[int]()
    for number, rank in enumerate((Rank.ANSWER, Rank.ARRIVAL, Rank.MARKET)):
        agenda.at(5, partial(_note, ran, number), rank)
    agenda.at(4, partial(_note, ran, 3), Rank.ANSWER)
    agenda.at(5, partial(_note, ran, 4))
    run_all(agenda)
    assert ran == [3, 2, 4, 1, 0]
