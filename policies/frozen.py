"""Frozen dataclasses that are made quickly: each decision makes three, and the stock `__init__` was half its cost."""

from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


class Vouched:
    """A slot outside the dataclass's fields, in which the engine notes that it has checked this object's values.

    Never copied by `replace`, `copy` or pickling; a value that the engine did not put there counts for nothing.
    """

    __slots__ = ("_vouched",)


def quick(cls: type[T]) -> type[T]:
    """Give a frozen, slotted dataclass an `__init__` that writes its slots directly: same signature, less time."""
    known = fields(cls)  # type: ignore[arg-type]
    names = [each.name for each in known]
    bound: dict[str, Any] = {f"set_{name}": cls.__dict__[name].__set__ for name in names}
    bound |= {f"default_{each.name}": each.default for each in known if each.default is not MISSING}
    arguments = ", ".join(
        each.name if each.default is MISSING else f"{each.name}=default_{each.name}" for each in known
    )  # fmt: skip
    steps = [f"  set_{name}(self, {name})" for name in names]
    if issubclass(cls, Vouched):
        bound["set_vouched"] = Vouched.__dict__["_vouched"].__set__
        steps.append("  set_vouched(self, None)")
    source = (
        f"def bind({', '.join(bound)}):\n def __init__(self, {arguments}):\n" + "\n".join(steps) + "\n return __init__"
    )
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - names of fields only
    made = namespace["bind"](**bound)
    made.__annotations__ = cls.__init__.__annotations__
    type.__setattr__(cls, "__init__", made)
    return cls
