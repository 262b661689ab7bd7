"""Builds the browser console into the wheel, with Node.js from the package registry where the machine has none."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "scripts"))

import build_console


class ConsoleHook(BuildHookInterface):
    """`gateway/web/console/dist` is current before the files of the wheel are gathered."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node.js, only where the console has to be built and none is at hand."""
        if not self._needed() or build_console.node_on_path():
            return []
        return [build_console.NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and self._needed():
            build_console.build()

    def _needed(self) -> bool:
        # A source distribution carries the built console and no sources newer than it.
        return self.target_name == "wheel" and not build_console.is_current()
