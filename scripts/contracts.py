"""Compile the contracts reproducibly, compare with what is committed, and run their own tests.

    python scripts/contracts.py check     recompile and compare with contracts/abi (continuous integration)
    python scripts/contracts.py write     recompile and write contracts/abi
    python scripts/contracts.py test      forge: unit, fuzz and invariant tests
    python scripts/contracts.py snapshot  forge: write contracts/gas-snapshot.txt

The pinned tools of contracts/package.json are installed by npm into a folder outside the source tree
(--tools, by default in the system's temporary folder) and kept there.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent / "contracts"
CONTRACTS = ("CheckpointAnchor", "GrantRegistry")
SETTINGS: dict[str, Any] = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]}},
}
_IMPORT = re.compile(r'import\s+(?:[^"]*\sfrom\s+)?"([^"]+)";')


def install(tools: Path) -> Path:
    """True afterwards: the pinned tools are in `tools`; returns its node_modules."""
    pinned = (HOME / "package.json").read_text(encoding="utf-8")
    marker = tools / "installed.json"
    if not marker.exists() or marker.read_text(encoding="utf-8") != pinned:
        tools.mkdir(parents=True, exist_ok=True)
        (tools / "package.json").write_text(pinned, encoding="utf-8")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=tools, check=True)
        marker.write_text(pinned, encoding="utf-8")
    return tools / "node_modules"


def sources(modules: Path) -> dict[str, dict[str, str]]:
    """Our sources and all that they import, by the names under which the compiler knows them."""
    found: dict[str, dict[str, str]] = {}
    queue = [f"src/{path.name}" for path in sorted((HOME / "src").glob("*.sol"))]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        file = modules / name if name.startswith("@") else HOME / name
        text = file.read_text(encoding="utf-8")
        found[name] = {"content": text}
        for target in _IMPORT.findall(text):
            if target.startswith("."):
                queue.append(os.path.normpath(Path(name).parent / target))
            else:
                queue.append(target)
    return dict(sorted(found.items()))


def compile_all(modules: Path) -> dict[str, str]:
    """The artifact of each contract, as the text of its file. Warnings are errors."""
    request = {"language": "Solidity", "sources": sources(modules), "settings": SETTINGS}
    environment = os.environ | {"LIANQIAO_NODE_MODULES": str(modules)}
    command = ["node", str(HOME / "solc.cjs")]
    done = subprocess.run(
        command, input=json.dumps(request), env=environment, capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    if answer.get("errors"):
        raise SystemExit("\n".join(e["formattedMessage"] for e in answer["errors"]))
    version = subprocess.run([*command, "--version"], env=environment, capture_output=True, text=True, check=True)
    digest = hashlib.sha256(json.dumps(request["sources"], sort_keys=True).encode()).hexdigest()
    made = {}
    for name in CONTRACTS:
        output = answer["contracts"][f"src/{name}.sol"][name]
        layout = output["storageLayout"]["storage"]
        value = {
            "contractName": name,
            "compiler": version.stdout.split("Version: ")[1].strip(),
            "settings": {k: v for k, v in SETTINGS.items() if k != "outputSelection"},
            "sourcesSha256": digest,
            "abi": output["abi"],
            "bytecode": "0x" + output["evm"]["bytecode"]["object"],
            "deployedBytecode": "0x" + output["evm"]["deployedBytecode"]["object"],
            "storageLayout": [
                {"label": x["label"], "slot": x["slot"], "offset": x["offset"], "type": _plain(x["type"])}
                for x in layout
            ],
        }
        made[name] = json.dumps(value, indent=1, sort_keys=True) + "\n"
    return made


def _plain(name: str) -> str:
    """A type without the compiler's running numbers, which depend on the order of files."""
    return re.sub(r"\)\d+_storage", ")_storage", name)


def check(made: dict[str, str]) -> None:
    """True afterwards: what is committed is what the sources compile to."""
    wrong = [n for n, text in made.items() if (HOME / "abi" / f"{n}.json").read_text(encoding="utf-8") != text]
    if wrong:
        raise SystemExit(f"contracts/abi differs from a recompilation: {', '.join(wrong)}")
    print(f"{len(made)} contracts: committed ABI and bytecode equal a recompilation")


def forge(modules: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run forge in a temporary project made of our sources and tests."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in ("src", "test"):
            shutil.copytree(HOME / part, project / part)
        (project / "node_modules").symlink_to(modules, target_is_directory=True)
        compiler = project / "solc.sh"
        compiler.write_text(f'#!/bin/sh\nLIANQIAO_NODE_MODULES="{modules}" exec node "{HOME / "solc.cjs"}" "$@"\n')
        compiler.chmod(0o755)
        (project / "foundry.toml").write_text(
            "[profile.default]\n"
            'src = "src"\ntest = "test"\nlibs = ["node_modules"]\nsolc = "./solc.sh"\noffline = true\n'
            'evm_version = "paris"\noptimizer = true\noptimizer_runs = 200\n'
            'remappings = ["@openzeppelin/=node_modules/@openzeppelin/"]\n'
            "[fuzz]\nruns = 256\nseed = '0x1'\n[invariant]\nruns = 64\ndepth = 48\nfail_on_revert = false\n"
        )
        command = [str(modules / ".bin" / "forge"), *arguments]
        done = subprocess.run(command, cwd=project, check=False)
        if arguments[0] == "snapshot" and done.returncode == 0:
            shutil.copy(project / ".gas-snapshot", HOME / "gas-snapshot.txt")
        return done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "write", "test", "snapshot"])
    parser.add_argument("--tools", type=Path, default=Path(tempfile.gettempdir()) / "lianqiao-contract-tools")
    chosen = parser.parse_args()
    modules = install(chosen.tools)
    if chosen.what == "test":
        return forge(modules, "test").returncode
    if chosen.what == "snapshot":
        return forge(modules, "snapshot", "--no-match-test", "testFuzz|invariant").returncode
    made = compile_all(modules)
    if chosen.what == "check":
        check(made)
    else:
        for name, text in made.items():
            (HOME / "abi" / f"{name}.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
