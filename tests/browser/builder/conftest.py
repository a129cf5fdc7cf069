"""A draft of one's own in the builder, and what one does there."""

from __future__ import annotations

import itertools
import json

import pytest
from playwright.sync_api import Page, expect

_numbers = itertools.count(1)


def step(key, kind="transform", x=0, y=0, name="", **rest):
    """A step as a document has it; a transform that has no problems unless told otherwise."""
    config = rest.pop("config", {"output": {"done": True}} if kind == "transform" else {})
    return {
        "key": key,
        "type": kind,
        "name": name or key.capitalize(),
        "config": config,
        "position": {"x": x, "y": y},
        **rest,
    }


def edge(source, target, port=None):
    """An edge as a document has it."""
    return {"source": source, "target": target, **({"port": port} if port else {})}


class Desk:
    """The builder open on one draft."""

    def __init__(self, page: Page, slug: str) -> None:
        self.page = page
        self.slug = slug

    def open(self, query: str = "") -> Desk:
        """Load the page and wait until its script is there."""
        self.page.goto(f"/orchestrations/{self.slug}/edit/{query}")
        expect(self.page.locator("[data-builder][data-ready]")).to_be_attached()
        return self

    def card(self, key):
        """A step's card."""
        return self.page.locator(f'.step[data-key="{key}"]')

    def edge(self, source, port, target):
        """An edge's path."""
        return self.page.locator(f'.edge[data-id="{source}:{port}:{target}"]')

    def field(self, path):
        """A field of the inspector."""
        return self.page.locator(f'#inspector .field[data-path="{path}"]')

    def at(self, key):
        """Where a card stands, by the page."""
        data = self.card(key).evaluate("node => [Number(node.dataset.x), Number(node.dataset.y)]")
        return tuple(data)

    def select(self, key) -> None:
        """Click a card and wait for its form."""
        self.card(key).click(position={"x": 60, "y": 16})
        expect(self.page.locator(f'#inspector [data-form="{key}"]')).to_be_attached()

    def pull(self, source, port, target) -> None:
        """Drag from a port over another card, and stay there."""
        self.card(source).hover(position={"x": 60, "y": 16})
        start = self.card(source).locator(f'[data-port="{port}"]').bounding_box()
        end = self.card(target).bounding_box()
        self.page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] - 5)
        self.page.mouse.down()
        self.page.mouse.move(end["x"] + 60, end["y"] + 20, steps=6)

    def drag(self, key, dx, dy) -> None:
        """Drag a card by some pixels of the screen."""
        box = self.card(key).bounding_box()
        self.page.mouse.move(box["x"] + 60, box["y"] + 16)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + 60 + dx, box["y"] + 16 + dy, steps=8)
        self.page.mouse.up()

    def saved(self) -> dict:
        """The draft as the server has it, once nothing is on its way."""
        expect(self.page.locator("#saved time")).to_be_attached()  # while one is, it says "Saving …"
        answer = self.page.request.get(f"/orchestrations/{self.slug}/export/")
        return answer.json()

    def revision(self) -> int:
        """The revision that the page shows."""
        return int(self.page.locator("[data-builder]").get_attribute("data-revision") or 0)


def _import(page: Page, document: dict, publish: bool) -> str:
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    answer = page.request.post(
        f"/api/v1/orchestrations/import/{'?publish=1' if publish else ''}",
        data=json.dumps(document),
        headers={"Content-Type": "application/json", "X-CSRFToken": token},
    )
    assert answer.status == 201, answer.text()
    return answer.json()["slug"]


@pytest.fixture
def draft(login):
    """``draft(page, steps, edges)``: a new draft of the demo's admin, not yet open; ``rest`` goes into the document."""

    def make(page: Page, steps=(), edges=(), *, publish=False, name="", **rest) -> Desk:
        login(page, "admin")
        document = {
            "schema": 1,
            "name": name or f"Draft {next(_numbers)}",
            "steps": list(steps),
            "edges": list(edges),
            **rest,
        }
        return Desk(page, _import(page, document, publish))

    return make


@pytest.fixture
def desk(page, draft):
    """``desk(steps, edges)``: the builder open on a new draft, at the usual desk."""
    return lambda steps=(), edges=(), **rest: draft(page, steps, edges, **rest).open()
