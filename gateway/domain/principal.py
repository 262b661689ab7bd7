"""Who asks: a person or a service account as known at this request, with role, attribute and wall side kept apart."""

from dataclasses import dataclass, field


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

    @property
    def internal(self) -> bool:
        """Of the firm itself, not of a partner."""
        return self.institution_kind == "firm"


def system_principal(name: str) -> Principal:
    """The gateway acting by itself: clocks, retention, sealing. It holds no role, so it can decide nothing."""
    return Principal(
        id=f"system:{name}", kind="system", login=name, name=name, unit_id="", institution_id="",
        institution_kind="system", roles=frozenset(), channel="job",
    )  # fmt: skip
