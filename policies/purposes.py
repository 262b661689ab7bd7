"""What data may be wanted for: codes that people and machines read alike, and whether a wish fits what an item
allows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from policies.texts import Document, PolicyError, parse_yaml, read_texts
from policies.vocabulary import INSTITUTION_KINDS, NO_PURPOSE, ROLES

ANY: Final = "any"
_IRI: Final = "urn:lianqiao:purpose:"
_KEYS: Final = {"zh", "en", "broader", "near", "who", "at", "modifiers", "sensitive", "retired"}


@dataclass(frozen=True, slots=True)
class Modifier:
    """A duty that comes with a purpose."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """One purpose code. `who`/`at`: roles and kinds of institution that may state it. `sensitive`: "any" does not
    cover it.
    """

    code: str
    zh: str
    en: str
    broader: str
    near: frozenset[str]
    who: frozenset[str]
    at: frozenset[str]
    modifiers: tuple[str, ...]
    sensitive: bool
    retired: bool


@dataclass(frozen=True, slots=True)
class Match:
    """How a purpose fits an item: the verdict and the rule that gave it, with words for the approver."""

    verdict: Literal["compatible", "review", "prohibited"]
    rule: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Purposes:
    """All purposes and modifiers, in file order."""

    purposes: Mapping[str, Purpose]
    modifiers: Mapping[str, Modifier]

    @property
    def codes_and_none(self) -> tuple[str, ...]:
        """Every code that a fact may carry, `none` included (retired codes too: grants given for them must still be
        judged).
        """
        return (NO_PURPOSE, *self.purposes)

    def may_state(self, code: str, roles: Iterable[str], institution_kind: str) -> bool:
        """Whether somebody with these roles at such an institution may name this purpose. False for unknown or
        retired codes.
        """
        purpose = self.purposes.get(code)
        if purpose is None or purpose.retired:
            return False
        return not purpose.who.isdisjoint(roles) and institution_kind in purpose.at

    def match(
        self, code: str, allowed: Iterable[str], *, required: Iterable[str] = (), offered: Iterable[str] = ()
    ) -> Match:
        """Whether a request for `code` fits an item that allows `allowed` ("any" or codes) and demands the `required`
        modifiers.

        The modifiers of the purpose itself count as offered. Total: an unknown code is prohibited.
        """
        purpose, wanted = self.purposes.get(code), frozenset(allowed)
        if purpose is None:
            return Match("prohibited", "unknown-purpose", "用途代码不存在", "There is no such purpose")
        if purpose.retired:
            return Match("prohibited", "retired-purpose", "用途代码已停用", "This purpose code is retired")
        found = self._fit(purpose, wanted)
        missing = frozenset(required) - frozenset(offered) - frozenset(purpose.modifiers)
        if missing and found.verdict == "compatible":
            names = sorted(missing)
            return Match(
                "review", "modifier-missing", f"未承诺:{'、'.join(names)}", f"Not promised: {', '.join(names)}"
            )
        return found

    def _fit(self, purpose: Purpose, allowed: frozenset[str]) -> Match:
        if purpose.code in allowed:
            return Match("compatible", "same-purpose", "与允许用途一致", "The very purpose is allowed")
        broader = self._ancestors(purpose) & allowed
        if broader:
            return Match("compatible", "narrower-purpose", "属于所允许用途的下位用途", "Part of an allowed purpose")
        if ANY in allowed:
            if purpose.sensitive:
                return Match(
                    "review", "sensitive-purpose", "敏感用途须人工审核", "A sensitive purpose needs a person's look"
                )
            return Match("compatible", "any-purpose", "该数据项不限用途", "The item allows any ordinary purpose")
        narrower = {each for each in allowed if purpose.code in self._ancestors_of(each)}
        if narrower:
            return Match("review", "wider-purpose", "用途宽于所允许的用途", "Wider than what is allowed")
        if allowed & purpose.near or any(
            purpose.code in self.purposes[each].near for each in allowed & set(self.purposes)
        ):
            return Match("review", "near-purpose", "与允许用途相近", "Close to an allowed purpose")
        return Match("prohibited", "other-purpose", "不在允许用途之内", "Not among the allowed purposes")

    def _ancestors_of(self, code: str) -> frozenset[str]:
        return self._ancestors(self.purposes[code]) if code in self.purposes else frozenset()

    def _ancestors(self, purpose: Purpose) -> frozenset[str]:
        found: set[str] = set()
        while purpose.broader and purpose.broader not in found:
            found.add(purpose.broader)
            purpose = self.purposes[purpose.broader]
        return frozenset(found)

    def odrl(self, code: str, *, not_after: str = "", modifiers: Iterable[str] = ()) -> dict[str, Any]:
        """The purpose as an ODRL rule set (W3C ODRL 2.2): permission with constraints, prohibitions and obligations.

        `not_after` is an RFC 3339 time. Modifiers of the purpose itself are always included. `KeyError` if unknown.
        """
        purpose = self.purposes[code]
        duties = dict.fromkeys((*purpose.modifiers, *modifiers))
        constraints: list[dict[str, Any]] = [
            {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": [_IRI + purpose.code]}
        ]
        if not_after:
            constraints.append({"leftOperand": "dateTime", "operator": "lt", "rightOperand": not_after})
        if "named-persons-only" in duties:
            constraints.append(
                {"leftOperand": "recipient", "operator": "isA", "rightOperand": "urn:lianqiao:named-person"}
            )
        if "aggregate-only" in duties:
            constraints.append({"leftOperand": "media", "operator": "isA", "rightOperand": "urn:lianqiao:aggregate"})
        result: dict[str, Any] = {"permission": [{"action": "use", "constraint": constraints}]}
        prohibited = {"no-onward-sharing": "distribute", "no-marketing": "urn:lianqiao:action:marketing"}
        result["prohibition"] = [{"action": act, "constraint": []} for key, act in prohibited.items() if key in duties]
        owed = {"delete-on-expiry": "delete", "return-results": "inform"}
        result["obligation"] = [{"action": act, "constraint": []} for key, act in owed.items() if key in duties]
        return {key: value for key, value in result.items() if value}


def read_purposes(document: Document) -> Purposes:
    """Check and build the purposes. Raises `PolicyError` with every defect."""
    raw = document.value if isinstance(document.value, dict) else {}
    defects = [] if raw.get("version") == 1 else [document.defect("purposes", "version must be 1")]
    modifiers = {
        code: Modifier(code, str(spec.get("zh", "")), str(spec.get("en", "")))
        for code, spec in (raw.get("modifiers") or {}).items()
    }
    codes = set(raw.get("purposes") or {})
    purposes: dict[str, Purpose] = {}
    for code, spec in (raw.get("purposes") or {}).items():
        problems = _problems(code, spec, codes, set(modifiers))
        defects += [document.defect("purposes", f"{code}: {problem}", "purposes", code) for problem in problems]
        if not problems:
            purposes[code] = Purpose(
                code, spec["zh"], spec["en"], spec.get("broader", ""), frozenset(spec.get("near", ())),
                frozenset(spec["who"]), frozenset(spec["at"]), tuple(spec.get("modifiers", ())),
                spec.get("sensitive", False), spec.get("retired", False),
            )  # fmt: skip
    if not purposes and not defects:
        defects.append(document.defect("purposes", "there is no purpose at all"))
    if defects:
        raise PolicyError(tuple(defects))
    found = Purposes(purposes, modifiers)
    for purpose in purposes.values():
        if purpose.code in found._ancestors(purpose):
            raise PolicyError(
                (document.defect("purposes", f"{purpose.code} is broader than itself", "purposes", purpose.code),)
            )
    return found


def _problems(code: str, spec: Any, codes: set[str], modifiers: set[str]) -> list[str]:
    if not isinstance(spec, dict):
        return ["a mapping is wanted"]
    found = [f"unknown key {key!r}" for key in spec if key not in _KEYS]
    found += [f"{key} is missing" for key in ("zh", "en", "who", "at") if not spec.get(key)]
    if code in {NO_PURPOSE, ANY} or not str(code).replace("-", "").isalnum():
        found.append("not a usable code")
    if spec.get("broader", code) not in codes:
        found.append(f"unknown broader purpose {spec['broader']!r}")
    for key, known in (("near", codes), ("who", set(ROLES)), ("at", set(INSTITUTION_KINDS)), ("modifiers", modifiers)):
        found += [f"{key}: unknown {value!r}" for value in spec.get(key, ()) if value not in known]
    return found


def load_purposes() -> Purposes:
    """The purposes that ship with the product."""
    return read_purposes(parse_yaml("purposes.yaml", read_texts().files["purposes.yaml"]))
