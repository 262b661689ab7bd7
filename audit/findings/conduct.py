"""Who approved whom, why it was asked, how it was taken out: rules over the acts around a read."""

import ipaddress
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from audit.entry import Placed
from audit.events import Event
from audit.findings.finding import GOOD, READS, Surroundings, Watch

_SUBMITTED = frozenset({"request:submitted", "request:submit", "request:amended"})
_VIEWED = frozenset({"request:viewed", "request:read", "request:opened"})
_CHANGED = frozenset({"policy:activated", "policy:activate", "policy:changed"})
_SECONDED = frozenset({"policy:approved", "policy:approve", "policy:countersigned"})
_PROPOSED = frozenset({"policy:proposed", "policy:propose"})


def approves(event: Event) -> bool:
    """Whether somebody signed a request, whole or narrowed."""
    kind, _, became = event.action.partition(":")
    signed = became.startswith("approve") or became in {"endorsed", "endorse", "signed", "narrowed"}
    return kind == "request" and signed and event.outcome in GOOD


class PoorPurpose(Watch):
    """R02: no purpose, too short a reason, or the same reason for more than five requests."""

    rule, severity = "R02", "medium"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._texts: dict[tuple[str, str], dict[str, Event]] = defaultdict(dict)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action in READS and event.outcome == "allowed" and not event.purpose:
            self.report("person", event.actor, [event], about=f"missing:{self.around.day(event.at)}", why="missing")
        if event.action not in _SUBMITTED or event.outcome not in GOOD:
            return
        length, digest = event.details.get("purpose_text_length"), event.details.get("purpose_text_digest")
        if isinstance(length, int) and length < self.limits.purpose_characters:
            self.report("request", event.target_id, [event], count=length, about="short", why="too-short")
        if digest is not None:
            same = self._texts[event.actor, str(digest)]
            same[event.target_id or event.event_id] = event
            if len(same) > self.limits.purpose_repeats:
                self.report("person", event.actor, list(same.values()), about=f"repeated:{digest}", why="repeated")


class SelfOrRing(Watch):
    """R04: who asked also approved, or two approved for each other within seven days."""

    rule, severity = "R04", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._asked: dict[str, Event] = {}
        self._signed: dict[tuple[str, str], Event] = {}  # (who signed, for whom) -> the latest

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action in _SUBMITTED and event.outcome in GOOD:
            self._asked[event.target_id] = event
        if not approves(event) or event.target_id not in self._asked:
            return
        asked = self._asked[event.target_id]
        askers = {asked.actor, asked.on_behalf_of} - {""}
        signers = {event.actor, event.on_behalf_of} - {""}
        if askers & signers:
            self.report("request", event.target_id, [asked, event], about="self", why="self")
            return
        for asker in askers:
            for signer in signers:
                back = self._signed.get((asker, signer))
                if back is not None and event.at - back.at <= self.limits.ring:
                    pair = "+".join(sorted((asker, signer)))
                    self.report("person", signer, [back, event], about=f"ring:{pair}:{back.target_id}", why="ring")
                self._signed[signer, asker] = event


class RubberStamps(Watch):
    """R16: five approvals a day, each within ten seconds of having the request before one's eyes."""

    rule, severity = "R16", "medium"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._moved: dict[str, Event] = {}
        self._viewed: dict[tuple[str, str], Event] = {}
        self._hasty: dict[tuple[str, str], list[Event]] = defaultdict(list)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if not event.action.startswith("request:") or event.outcome not in GOOD:
            return
        if event.action in _VIEWED:
            self._viewed.setdefault((event.actor, event.target_id), event)
            return
        if approves(event):
            since = self._viewed.get((event.actor, event.target_id)) or self._moved.get(event.target_id)
            if since is not None and event.at - since.at < self.limits.rubber_stamp:
                hasty = self._hasty[event.actor, self.around.day(event.at)]
                hasty.append(event)
                if len(hasty) >= self.limits.rubber_stamps:
                    self.report("person", event.actor, hasty)
        self._moved[event.target_id] = event


class CarelessExport(Watch):
    """R17: a file taken out without a reason, or without its watermark. A file of which neither is said had neither."""

    rule, severity = "R17", "high"

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action != "export:closed" or event.outcome != "done":
            return
        about = event.read_id or event.event_id
        if not event.details.get("reason_length"):
            self.report("person", event.actor, [event], about=f"reason:{about}", why="no-reason")
        if not event.details.get("watermark"):
            self.report("person", event.actor, [event], about=f"watermark:{about}", why="no-watermark")


class SharedAccount(Watch):
    """R18: one account in two cities or on two devices within half an hour; for networks, back and forth.

    Services (channel "api") and jobs have several hosts by nature and are not looked at. Somebody who walks from the
    office to the train changes the network once; two people change it back and forth.
    """

    rule, severity = "R18", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._stays: dict[str, deque[_Stay]] = defaultdict(deque)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.outcome not in GOOD or event.channel in {"api", "job"} or event.actor.startswith("system:"):
            return
        place = (str(event.details.get("city", "")), str(event.details.get("device", "")), network_of(event.source))
        stays = self._stays[event.actor]
        while stays and stays[0].last.at <= event.at - self.limits.shared_span:
            stays.popleft()
        if stays and stays[-1].place == place:
            stays[-1].last = event
            return
        stays.append(_Stay(place, event, event))
        self._judge(event.actor, stays)

    def _judge(self, actor: str, stays: Sequence["_Stay"]) -> None:
        shown = list({event.event_id: event for stay in stays for event in (stay.first, stay.last)}.values())
        for position, name in enumerate(("city", "device")):
            seen = {stay.place[position] for stay in stays} - {""}
            if len(seen) > 1:
                self.report("person", actor, shown, count=len(seen), why=name)
        networks = [stay.place[2] for stay in stays if stay.place[2]]
        changes = [n for i, n in enumerate(networks) if i == 0 or networks[i - 1] != n]
        if len(changes) > len(set(changes)):  # one of them came back
            self.report("person", actor, shown, count=len(set(changes)), why="network")


@dataclass(slots=True)
class _Stay:
    """An account at one place, without a break."""

    place: tuple[str, str, str]
    first: Event
    last: Event


def network_of(source: str) -> str:
    """The neighbourhood of an address: /16 for IPv4, /32 for IPv6; "" for what is no address."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, 16 if address.version == 4 else 32), strict=False))


class LonelyPolicyChange(Watch):
    """R22: rules activated without a second person, or decided under before anybody activated them."""

    rule, severity = "R22", "critical"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._proposed: dict[str, set[str]] = defaultdict(set)
        self._seconded: dict[str, set[str]] = defaultdict(set)
        self._epochs: set[str] = set()

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.outcome in GOOD:
            if event.action in _PROPOSED:
                self._proposed[event.target_id].add(event.actor)
            elif event.action in _SECONDED:
                self._seconded[event.target_id].add(event.actor)
            elif event.action in _CHANGED:
                self._activated(event)
        epoch = event.policy_epoch
        if epoch and epoch not in self._epochs:
            if self._epochs:
                self.report("policy", epoch, [event], about="unannounced", why="no-activation")
            self._epochs.add(epoch)

    def _activated(self, event: Event) -> None:
        proposers = self._proposed[event.target_id] or {event.actor}
        if not self._seconded[event.target_id] - proposers:
            self.report("policy", event.target_id or event.actor, [event], about="alone", why="no-second-person")
        self._epochs.add(str(event.details.get("epoch", event.target_id)))
