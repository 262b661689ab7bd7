"""Requests and grants as plain values for keeping, and back: what `to_plain` gives, `*_from` reads without loss."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from gateway.domain.access.form import AccessRequest, Grantee, ItemTerms, Opinion, Scope, Step, Terms
from gateway.domain.access.grants import Grant, GrantItem


def to_plain(value: AccessRequest | Grant | Terms) -> dict[str, object]:
    """`value` as strings, integers, booleans, lists and mappings; what is not set is left out (canonical JSON)."""
    return _fields(value)


def request_from(plain: Mapping[str, Any]) -> AccessRequest:
    """The request that `to_plain` wrote. A missing or unknown member raises `TypeError` or `KeyError`."""
    return AccessRequest(
        **{
            **plain,
            "grantee": Grantee(**plain["grantee"]),
            "asked": terms_from(plain["asked"]),
            "proposed": terms_from(plain["proposed"]) if "proposed" in plain else None,
            "consents": tuple(plain["consents"]),
            "attachments": tuple(plain["attachments"]),
            "steps": tuple(Step(**{**step, "items": tuple(step["items"])}) for step in plain["steps"]),
            "opinions": tuple(Opinion(**opinion) for opinion in plain["opinions"]),
        }
    )


def grant_from_plain(plain: Mapping[str, Any]) -> Grant:
    """The grant that `to_plain` wrote."""
    lists = ("grantors", "uses", "approvals", "obligations", "consents")
    return Grant(
        **{
            **plain,
            **{name: tuple(plain[name]) for name in lists},
            "grantee": Grantee(**plain["grantee"]),
            "scope": _scope(plain["scope"]),
            "items": tuple(
                GrantItem(**{**item, "owners": tuple(item["owners"]), "fields": tuple(item["fields"])})
                for item in plain["items"]
            ),
        }
    )


def terms_from(plain: Mapping[str, Any]) -> Terms:
    """The terms that `to_plain` wrote."""
    return Terms(
        **{
            **plain,
            "items": tuple(ItemTerms(item["code"], tuple(item["fields"])) for item in plain["items"]),
            "scope": _scope(plain["scope"]),
            "uses": tuple(plain["uses"]),
        }
    )


def _scope(plain: Mapping[str, Any]) -> Scope:
    return Scope(**{name: tuple(values) for name, values in plain.items()})


def _fields(value: Any) -> dict[str, object]:
    members = ((f.name, getattr(value, f.name)) for f in fields(value))
    return {name: _plain(member) for name, member in members if member is not None}


def _plain(value: object) -> object:
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
