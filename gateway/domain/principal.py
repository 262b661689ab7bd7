"""Who asks: a person or a service account as known at this request, with role, attribute and wall side kept apart."""

from dataclasses import dataclass, field

from policies.vocabulary import Subject


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody signed in. Rights are read afresh with the facts of every decision; nothing here is a permission.

    `generation` is the person's row generation when this value was read: a higher one means that rights have changed.
    `clearance` is the highest level (1..5); `trained_until` microseconds (PIPL art. 51: training lapses).
    """

    id: str
    kind: str  # person, service
    login: str
    name: str
    unit_id: str
    institution_id: str
    institution_kind: str
    roles: frozenset[str]
    side: str = "none"
    clearance: int = 1
    trained_until: int = 0
    active: bool = True
    generation: int = 1
    staff_no: str = ""
    locale: str = "zh"
    channel: str = "api"  # api, console, cli, job
    source_address: str = ""
    session_id: str = ""
    on_behalf_of: str = ""
    scopes: frozenset[str] = field(default=frozenset())
    must: str = ""  # change-password, enrol-totp: until then nothing else may be done
    csrf: str = field(default="", repr=False)  # what a browser must send along on writes; "" outside a session

    @property
    def internal(self) -> bool:
        """Of the firm itself, not of a partner."""
        return self.institution_kind == "firm"

    def subject(self, now: int) -> Subject:
        """The principal as the rules see it, with the rights of the moment in which it was read."""
        return Subject(
            id=self.id, kind=self.kind, roles=self.roles, unit=self.unit_id, institution=self.institution_id,
            institution_kind=self.institution_kind, internal=self.internal, active=self.active, side=self.side,
            clearance=self.clearance, trained=self.trained_until > now,
        )  # fmt: skip


def anonymous_principal(source_address: str, channel: str = "api") -> Principal:
    """Somebody who has not signed in: may do what is public, and nothing else."""
    return Principal(
        id="anonymous", kind="anonymous", login="", name="", unit_id="", institution_id="", institution_kind="none",
        roles=frozenset(), active=False, channel=channel, source_address=source_address,
    )  # fmt: skip


def system_principal(name: str) -> Principal:
    """The gateway acting by itself: clocks, retention, sealing. It holds no role, so it can decide nothing."""
    return Principal(
        id=f"system:{name}", kind="system", login=name, name=name, unit_id="", institution_id="",
        institution_kind="system", roles=frozenset(), channel="job",
    )  # fmt: skip
