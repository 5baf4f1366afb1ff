"""What holds in every world: thousands of random requests, consents and whatever else stands about a book."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehb.domain.access import Deny, DenyReason, Permit, Standing, decide
from ehb.domain.consent import HeldConsent
from ehb.domain.provision import Action, Purpose
from ehb.domain.records import Record
from ehb.domain.selection import WITHHOLDABLE
from tests.domain.random_worlds import consent, selection, world
from tests.domain.worlds import NOW, TO_ANYBODY, deny, seen

SEEDS = st.integers(0, 2**48)
many = settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def also(standing: Standing, *further: HeldConsent) -> Standing:
    return replace(standing, consents=(*standing.consents, *further))


def within(narrow: dict[int, Record], wide: dict[int, Record], original: list[Record]) -> bool:
    """Whether the one shows no record and no field that the other does not."""
    return all(
        number in wide
        and all(
            getattr(shown, name) in (getattr(wide[number], name), getattr(blank(original[number]), name))
            for name in shown.__struct_fields__
        )
        for number, shown in narrow.items()
    )


def blank(record: Record) -> Record:
    """The record with nothing but what it is."""
    kept = {name: getattr(record, name) for name in record.__struct_fields__}
    gone = WITHHOLDABLE[type(record).__name__]
    return type(record)(**{name: value for name, value in kept.items() if name not in gone})


@many
@given(SEEDS)
def test_a_further_deny_never_widens(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    further = consent(random, permit=False)

    assert within(seen(request, also(standing, further), records), seen(request, standing, records), records)


@many
@given(SEEDS)
def test_a_further_permit_never_narrows(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    further = consent(random, permit=True)

    assert within(seen(request, standing, records), seen(request, also(standing, further), records), records)


@many
@given(SEEDS)
def test_withdrawing_a_consent_restores_exactly_the_former_decision(seed: int) -> None:
    random = Random(seed)
    request, standing, _ = world(random)
    further = consent(random)
    said = list(standing.consents)
    said.insert(random.randrange(6), replace(further, ended_at=NOW - timedelta(seconds=1)))

    assert decide(request, replace(standing, consents=tuple(said))) == decide(request, standing)


@many
@given(SEEDS)
def test_no_order_of_consents_changes_what_is_shown_or_what_counts(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    shuffled = random.sample(standing.consents, len(standing.consents))

    one, other = decide(request, standing), decide(request, replace(standing, consents=tuple(shuffled)))

    assert seen(request, replace(standing, consents=tuple(shuffled)), records) == seen(request, standing, records)
    assert isinstance(one, Deny) == isinstance(other, Deny)
    if isinstance(one, Permit) and isinstance(other, Permit):
        assert (one.sections, one.opens_all) == (other.sections, other.opens_all)
        assert {rule.source for rule in one.rules} == {rule.source for rule in other.rules}


@many
@given(SEEDS)
def test_a_deny_of_everything_to_anybody_is_a_deny_whatever_stands(seed: int) -> None:
    random = Random(seed)
    request, standing, _ = world(random)
    said = list(standing.consents)
    said.insert(random.randrange(6), deny(grantee=TO_ANYBODY))

    decision = decide(request, replace(standing, consents=tuple(said)))

    assert isinstance(decision, Deny)
    assert decision.reason is DenyReason.BLOCKED


@many
@given(SEEDS)
def test_no_labelled_record_is_open_unless_one_rule_names_all_its_labels(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    decision = decide(request, standing)
    if isinstance(decision, Deny):
        return
    for record in records:
        named = [rule for rule in decision.rules if rule.labels is None or rule.labels >= set(record.labels)]
        assert named or not decision.opens(record)
    if request.purpose is Purpose.EMERGENCY_TREATMENT and not standing.consents:
        assert not any(record.labels for record in seen(request, standing, records).values())


@many
@given(SEEDS)
def test_a_record_hidden_from_everybody_is_closed_to_all_and_nothing_else_changes(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    hiding = deny(
        grantee=TO_ANYBODY, select=replace(selection(random), records=frozenset({one.key for one in records[:1]}))
    )
    hidden = {number for number, one in enumerate(records) if hiding.consent.select.holds(one)}

    after = seen(request, also(standing, hiding), records)

    before = seen(request, standing, records)
    assert after == {number: shown for number, shown in before.items() if number not in hidden}


@many
@given(SEEDS)
def test_what_counts_for_a_limited_consent_could_not_be_had_without_it(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    decision = decide(request, standing)
    counted = {rule.source for rule in decision.rules if rule.limited} if isinstance(decision, Permit) else set()
    needed = [one for one in standing.consents if one.consent.max_uses is None or one.consent.id in counted]
    denies = [one for one in standing.consents if not one.consent.permit and one not in needed]

    assert seen(request, replace(standing, consents=(*needed, *denies)), records) == seen(request, standing, records)


@many
@given(SEEDS)
def test_a_lapsed_role_and_a_missing_moment_never_widen(seed: int) -> None:
    random = Random(seed)
    request, standing, records = world(random)
    request = replace(request, action=random.choice(tuple(Action)), purpose=random.choice(tuple(Purpose)))

    shown = seen(request, standing, records)

    for poorer in (replace(request, role_in_force=False), replace(request, now=None)):
        assert within(seen(poorer, standing, records), shown, records)


def test_the_worlds_are_of_all_sorts() -> None:
    grounds: dict[object, int] = {}
    shown = closed = blanked = counted = 0
    for seed in range(4_000):
        request, standing, records = world(Random(seed))
        decision = decide(request, standing)
        told = decision.reason if isinstance(decision, Deny) else decision.ground
        grounds[told] = grounds.get(told, 0) + 1
        found = seen(request, standing, records)
        shown, closed = shown + len(found), closed + len(records) - len(found)
        blanked += sum(one != records[number] for number, one in found.items())
        counted += isinstance(decision, Permit) and any(rule.limited for rule in decision.rules)

    assert min(shown, closed) > 500
    assert min(blanked, counted) > 20
    assert len(grounds) == 9
    assert min(grounds.values()) > 20
