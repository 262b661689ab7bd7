"""Total, neutral, immutable: what the engine promises beyond the rules themselves."""

import random
import threading
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.decision import REASONS, Allowed, Refused
from policies.engine import Loaded, PolicyEngine, load_texts
from policies.oracle import samples
from policies.texts import PolicyError, Texts
from policies.vocabulary import NO_GRANT, NO_WALL, Facts, WallFacts

from .conftest import situation

JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just(frozenset({"requester"})), st.just([])
)  # fmt: skip


@pytest.fixture
def granted(texts: Texts) -> Facts:
    facts: Facts = situation(texts, "data_access", "granted")
    return facts


def test_an_allowance_says_exactly_what_it_covers(engine: PolicyEngine, granted: Facts) -> None:
    decision = engine.decide(granted)
    assert isinstance(decision, Allowed)
    assert (decision.effect, decision.rule, decision.reason) == ("allow", "GRANT-READ", "allowed")
    assert decision.resource is granted.resource
    assert (decision.decision_id, decision.action, decision.purpose) == ("sample", "read", "client-service")
    assert decision.epoch == engine.epoch
    assert len(decision.epoch) == 64


def test_a_refusal_names_the_nearest_rules_and_what_they_lacked(engine: PolicyEngine, granted: Facts) -> None:
    decision = engine.decide(replace(granted, grant=replace(granted.grant, active=False)))
    assert isinstance(decision, Refused)
    assert decision.effect == "deny"
    lacks = {lack.rule: lack.conditions for lack in decision.nearest}
    assert lacks["GRANT-READ"] == ("r.grant.active",)
    assert lacks["OWN-READ"] == ("r.obj.owner == r.sub.unit",)
    assert [len(lack.conditions) for lack in decision.nearest] == sorted(
        len(lack.conditions) for lack in decision.nearest
    )


def test_explain_shows_met_and_lacking(engine: PolicyEngine, granted: Facts) -> None:
    explanation = engine.explain(replace(granted, context=replace(granted.context, now=5000)))
    report = {each.rule: each for each in explanation.rules}["GRANT-READ"]
    assert report.lacking == ("r.ctx.now < r.grant.not_after",)
    assert "r.grant.active" in report.met
    assert report.line > 0
    first = engine.explain(granted).rules[0]
    assert (first.rule, first.matched, first.lacking) == ("GRANT-READ", True, ())


def test_every_reason_has_words(loaded: Loaded) -> None:
    for snapshot in (loaded.data_access, loaded.workflow):
        for rule in snapshot.ruleset.rules:
            assert rule.reason in REASONS
    for name, words in REASONS.items():
        assert words.zh, name
        assert words.en, name


@pytest.mark.parametrize("bad", [None, 3, "facts", object()])
def test_no_facts_are_a_refusal_with_an_alert(engine: PolicyEngine, bad: Any) -> None:
    for decision in (engine.decide(bad), engine.decide_move(bad)):
        assert isinstance(decision, Refused)
        assert (decision.rule, decision.reason, decision.obligations.alert) == ("ERROR", "error", True)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_one_unfit_fact_is_a_refusal_with_an_alert(loaded: Loaded, texts: Texts, data: st.DataObject) -> None:
    facts = situation(texts, "data_access", "named")
    part = data.draw(st.sampled_from(["subject", "object", "grant", "wall", "context"]))
    name = data.draw(st.sampled_from([each.name for each in fields(getattr(facts, part))]))
    value = data.draw(JUNK)
    current = getattr(getattr(facts, part), name)
    bent = replace(facts, **{part: replace(getattr(facts, part), **{name: value})})
    decision = PolicyEngine(loaded).decide(bent)
    if type(value) is not type(current):
        assert isinstance(decision, Refused)
        assert (decision.rule, decision.obligations.alert) == ("ERROR", True)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("subject", "clearance", 6), ("subject", "clearance", True), ("subject", "side", "inside"),
        ("subject", "id", ""), ("subject", "unit", ""), ("subject", "roles", frozenset({"boss"})),
        ("subject", "roles", {"requester"}), ("subject", "active", 1), ("object", "level", 0),
        ("object", "mode", "open"),
        ("grant", "purpose", "fun"), ("grant", "not_after", -1), ("context", "purpose", "fun"),
        ("context", "channel", "fax"), ("wall", "side", ""), ("context", "now", 1.5),
    ],
)  # fmt: skip
def test_unknown_values_are_refused(engine: PolicyEngine, texts: Texts, part: str, name: str, value: Any) -> None:
    facts = situation(texts, "data_access", "named")
    decision = engine.decide(replace(facts, **{part: replace(getattr(facts, part), **{name: value})}))
    assert (decision.rule, decision.effect) == ("ERROR", "deny")


def test_look_alikes_of_the_parts_are_refused(engine: PolicyEngine, granted: Facts) -> None:
    class Everything:
        def __getattr__(self, name: str) -> Any:
            return True

    for part in ("subject", "object", "grant", "wall", "context", "resource"):
        assert engine.decide(replace(granted, **{part: Everything()})).rule == "ERROR"
    assert engine.decide(replace(granted, action="write")).rule == "ERROR"
    assert engine.decide(replace(granted, action=["read"])).rule == "ERROR"  # type: ignore[arg-type]


def test_a_move_of_another_kind_of_thing_is_refused(engine: PolicyEngine, texts: Texts) -> None:
    move = situation(texts, "workflow", "submit")
    assert engine.decide_move(move).effect == "allow"
    assert engine.decide_move(replace(move, object=replace(move.object, kind="grant"))).rule == "ERROR"
    assert engine.decide_move(replace(move, act="request:steal")).rule == "ERROR"


def test_facts_that_were_good_once_do_not_vouch_for_others(engine: PolicyEngine, granted: Facts) -> None:
    """Checked parts are remembered by identity: a new object at the same address must be checked again."""
    for _ in range(3000):
        good = replace(granted, subject=replace(granted.subject))
        assert engine.decide(good).effect == "allow"
        del good
        bad = replace(granted, subject=replace(granted.subject, active=1))  # type: ignore[arg-type]
        assert engine.decide(bad).rule == "ERROR"


def visible(decision: Any) -> tuple[str, str]:
    """What an outsider of compliance may see of a decision."""
    return decision.effect, decision.reason


@pytest.mark.parametrize(
    "lacking", [{}, {"active": False}, {"not_after": 1}, {"uses_left": False}, {"owner_ok": False}]
)
@pytest.mark.parametrize("scenario", ["granted", "ungranted", "verified", "exported", "partner", "partner-person"])
def test_suppressed_listed_and_unknown_clients_look_alike(
    engine: PolicyEngine, texts: Texts, scenario: str, lacking: dict[str, Any]
) -> None:
    facts = situation(texts, "data_access", scenario)
    facts = replace(facts, grant=replace(facts.grant, **lacking))
    suppressed = replace(facts, object=replace(facts.object, suppressed=True))
    listed = replace(facts, wall=WallFacts(restricted=True, conflict=True, side="private"))
    unknown = replace(suppressed, grant=replace(facts.grant, scope_ok=False))
    outside = replace(facts, grant=replace(facts.grant, scope_ok=False))
    answers = {visible(engine.decide(each)) for each in (suppressed, listed, unknown, outside)}
    assert len(answers) == 1
    assert next(iter(answers))[0] == "deny"


@pytest.mark.parametrize("scenario", ["named", "open", "listed"])
def test_a_suppressed_name_looks_like_an_absent_one(engine: PolicyEngine, texts: Texts, scenario: str) -> None:
    facts = situation(texts, "data_access", scenario)
    hidden = engine.decide(replace(facts, object=replace(facts.object, suppressed=True)))
    expected = "suppressed-or-absent" if facts.object.mode != "approval_gated" else "not-permitted"
    assert visible(hidden) == ("deny", expected)


def test_barriers_never_show_in_a_reason(loaded: Loaded) -> None:
    """For any facts: a refusal by a barrier has the reason of the refusal without it, or the one neutral word."""
    engine, neutral = PolicyEngine(loaded), loaded.data_access.ruleset.schema.neutral_rules
    seen = 0
    for facts in samples(loaded.data_access.ruleset, random.Random(11), 4000):
        decision = engine.decide(facts)
        if decision.rule in neutral:
            seen += 1
            plain = engine.decide(replace(facts, wall=NO_WALL, object=replace(facts.object, suppressed=False)))
            assert decision.reason == ("not-permitted" if plain.effect == "allow" else plain.reason)
    assert seen > 50


def test_the_watch_list_changes_nothing_visible(loaded: Loaded) -> None:
    engine = PolicyEngine(loaded)
    for facts in samples(loaded.data_access.ruleset, random.Random(12), 2000):
        pair = [engine.decide(replace(facts, wall=replace(facts.wall, watch=watch))) for watch in (False, True)]
        assert (pair[0].rule, *visible(pair[0])) == (pair[1].rule, *visible(pair[1]))


def test_facts_and_decisions_are_frozen(engine: PolicyEngine, granted: Facts) -> None:
    decision = engine.decide(granted)
    with pytest.raises(FrozenInstanceError):
        decision.rule = "MANDATORY-NAME"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        granted.grant.active = True  # type: ignore[misc]
    assert NO_GRANT.present is False


def test_the_epoch_covers_what_decides_and_nothing_else(texts: Texts) -> None:
    for path in ("data_access/policy.csv", "workflow/schema.yaml", "data_access/model.conf", "purposes.yaml"):
        assert texts.with_file(path, texts.files[path] + "\n").epoch != texts.epoch
    cases = "data_access/tests/guards.yaml"
    assert texts.with_file(cases, texts.files[cases] + "\n").epoch == texts.epoch


def test_a_bad_change_leaves_the_old_rules_in_force(engine: PolicyEngine, texts: Texts) -> None:
    before = engine.epoch
    with pytest.raises(PolicyError):
        engine.swap(load_texts(texts.with_file("workflow/policy.csv", "p, oops\n")))
    assert engine.epoch == before


def test_swapping_under_threads_never_shows_half_a_version(texts: Texts, loaded: Loaded) -> None:
    """Two versions that differ in a guard: each decision must be the one of the epoch that it carries."""
    name = "data_access/policy.csv"
    body = texts.files[name].replace("r.obj.level > r.sub.clearance", "r.obj.level >= r.sub.clearance")
    other = load_texts(texts.with_file(name, body))
    facts = list(samples(loaded.data_access.ruleset, random.Random(2), 300))
    truth = {
        version.epoch: [visible(PolicyEngine(version).decide(each)) for each in facts] for version in (loaded, other)
    }
    assert truth[loaded.epoch] != truth[other.epoch]
    engine, stop, wrong, done = PolicyEngine(loaded), threading.Event(), [], []

    def read(seed: int) -> None:
        rng, count = random.Random(seed), 0
        while not stop.is_set():
            index = rng.randrange(len(facts))
            decision = engine.decide(facts[index])
            count += 1
            if truth[decision.epoch][index] != visible(decision):
                wrong.append(decision)
        done.append(count)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(100):
        engine.swap(other if turn % 2 else loaded)
        stop.wait(0.002)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(done) == 4
    assert sum(done) > 500
