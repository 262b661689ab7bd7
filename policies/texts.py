"""The texts of a rule set as they lie in a folder, and everything that can be wrong with them, by file and line."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

KINDS: Final = ("data_access", "workflow")
DECIDING: Final = ("model.conf", "policy.csv", "schema.yaml")  # what the epoch covers, besides the purposes
PROVING: Final = ("invariants.yaml",)
PURPOSES: Final = "purposes.yaml"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong: `code` is its stable class, `line` counts from 1 (0: the file as a whole)."""

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.message}"


class PolicyError(Exception):
    """The rules are not fit to decide; nothing was loaded. `defects` has all that was found."""

    def __init__(self, defects: tuple[Defect, ...]) -> None:
        super().__init__("\n".join(map(str, defects)))
        self.defects = defects


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of a rule set by relative path. Immutable; two equal ones have equal epochs."""

    files: Mapping[str, str]

    @property
    def epoch(self) -> str:
        """SHA-256 over the texts that decide (rules, models, schemas, purposes), as hexadecimal."""
        digest = hashlib.sha256()
        for path in sorted(self.files):
            if path == PURPOSES or path.rpartition("/")[2] in DECIDING:
                body = self.files[path].encode()
                digest.update(f"{path}\0{len(body)}\0".encode() + body)
        return digest.hexdigest()

    def case_files(self, kind: str) -> list[str]:
        """The paths of the case files of one kind, sorted."""
        return sorted(path for path in self.files if path.startswith(f"{kind}/tests/") and path.endswith(".yaml"))

    def with_file(self, path: str, body: str) -> "Texts":
        """The same texts with one of them replaced or added."""
        return Texts({**self.files, path: body})


def packaged() -> Traversable:
    """The folder of the rules that ship with the product."""
    return files("policies")


def read_texts(directory: Traversable | None = None) -> Texts:
    """Read a rule set from a folder (the packaged one by default). `PolicyError` names files that are missing or not
    UTF-8.
    """
    root = directory if directory is not None else packaged()
    found: dict[str, str] = {}
    defects: list[Defect] = []
    for path, required in _paths(root):
        place = root
        for part in path.split("/"):
            place = place.joinpath(part)
        try:
            found[path] = place.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            defects.append(Defect(path, 0, "encoding", f"not UTF-8 at byte {error.start}"))
        except OSError:
            if required:
                defects.append(Defect(path, 0, "missing-file", "this file is needed"))
    if defects:
        raise PolicyError(tuple(defects))
    return Texts(found)


def _paths(root: Traversable) -> Iterator[tuple[str, bool]]:
    yield PURPOSES, True
    for kind in KINDS:
        for name in DECIDING:
            yield f"{kind}/{name}", True
        for name in PROVING:
            yield f"{kind}/{name}", False
        cases = root.joinpath(kind).joinpath("tests")
        if cases.is_dir():
            for entry in sorted(cases.iterdir(), key=lambda item: item.name):
                if entry.name.endswith(".yaml"):
                    yield f"{kind}/tests/{entry.name}", False


Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text as plain values, with the line on which each of them stands."""

    file: str
    value: Any
    lines: Mapping[Place, int]

    def line(self, *place: str | int) -> int:
        """The line of the value at this place, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def defect(self, code: str, message: str, *place: str | int) -> Defect:
        return Defect(self.file, self.line(*place), code, message)


def parse_yaml(file: str, body: str) -> Document:
    """Parse one YAML document of plain values. `PolicyError` for bad syntax, a tag (`!x`), a key twice, or a BOM."""
    if body.startswith("\ufeff"):
        raise PolicyError((Defect(file, 1, "bom", "remove the byte order mark"),))
    try:
        node = yaml.compose(body, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PolicyError((Defect(file, mark.line + 1 if mark else 0, "yaml", str(error).splitlines()[0]),)) from None
    lines: dict[Place, int] = {}
    value = _plain(file, node, (), lines, yaml.constructor.SafeConstructor()) if node is not None else None
    return Document(file, value, lines)


def _plain(file: str, node: yaml.Node, place: Place, lines: dict[Place, int], scalars: Any) -> Any:
    lines[place] = node.start_mark.line + 1
    if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
        raise PolicyError((Defect(file, node.start_mark.line + 1, "yaml", f"no tags here: {node.tag}"),))
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = scalars.construct_object(key_node)
            if key in result:
                raise PolicyError(
                    (Defect(file, key_node.start_mark.line + 1, "duplicate-key", f"{key!r} stands twice"),)
                )
            result[key] = _plain(file, value_node, (*place, key), lines, scalars)
            lines[(*place, key)] = key_node.start_mark.line + 1
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_plain(file, child, (*place, index), lines, scalars) for index, child in enumerate(node.value)]
    try:
        return scalars.construct_object(node)
    except yaml.YAMLError:
        raise PolicyError((Defect(file, node.start_mark.line + 1, "yaml", f"unknown tag {node.tag}"),)) from None
