"""People at browsers: signing in, going to pages, choosing from lists; and what must never happen meanwhile."""

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

ARTEFACTS = Path(__file__).resolve().parents[1] / "artefacts" / "browser"
_AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
# Answers that say no are part of the journeys; Chromium puts each on its console.
_ANSWERED = ("status of 401", "status of 403", "status of 404", "status of 409", "status of 422", "net::ERR_INTERNET")


class Walk:
    """Each person has a browser context; `faults` collects what no page may ever do."""

    def __init__(self, address: str, browser: Browser, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.faults: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def stranger(self, *, language: str = "zh", dark: bool = False, phone: bool = False) -> Page:
        """A page of a fresh browser, nobody signed in."""
        size: Any = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
        context = self._browser.new_context(
            viewport=size, color_scheme="dark" if dark else "light", accept_downloads=True, reduced_motion="reduce"
        )
        context.add_init_script(
            f"if (!localStorage.getItem('lianqiao.language')) localStorage.setItem('lianqiao.language', '{language}');"
            "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));"
        )
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", self._asked)
        return page

    def person(self, login: str, path: str = "/", **how: Any) -> Page:
        """A page with this person of the cast signed in, at `path`."""
        page = self.stranger(**how)
        page.goto(f"{self.address}/console{path}")
        self.sign_in(page, login)
        return page

    def sign_in(self, page: Page, login: str, password: str = "") -> None:
        page.locator("#login").fill(login)
        page.locator("#password").fill(password or f"demo-{login}-2026")
        page.locator("form button[type=submit]").click()
        expect(page.locator(".page-head")).to_be_visible()

    def go(self, page: Page, path: str) -> None:
        """The page at this address, loaded from nothing as a shared link would be."""
        page.goto(f"{self.address}/console{path}")
        expect(page.locator(".page-head h1")).to_be_visible()

    def look(self, page: Page, name: str) -> None:
        """No accessibility violation; a picture is kept when KEEP_SCREENSHOTS is set."""
        page.wait_for_load_state("networkidle")
        if os.environ.get("KEEP_SCREENSHOTS"):
            ARTEFACTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
        found = Axe().run(page, options=_AXE).response["violations"]
        for each in found:
            for node in each["nodes"][:3]:
                self.faults.append(
                    f"axe {name}: {each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
                )

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(each in message.text for each in _ANSWERED):
            self.faults.append(f"console: {message.text[:300]}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"another host: {request.url}")


def choose(page: Page, place: str, text: str) -> None:
    """The option with this text, of the list whose input is `place`."""
    field = page.locator(place)
    field.click()
    if field.get_attribute("readonly") is None:
        field.fill(text)
    option = page.locator(".ant-select-dropdown:visible .ant-select-item-option", has_text=text).first
    option.evaluate("each => each.click()")  # a long list may open beyond the fold


def pick_client(page: Page, place: str, text: str) -> None:
    """The first client found for this text."""
    page.locator(place).click()
    page.locator(place).fill(text)
    page.locator(".ant-select-dropdown:visible .ant-select-item-option").first.evaluate("each => each.click()")
