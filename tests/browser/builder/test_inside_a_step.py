from playwright.sync_api import expect

from tests.browser.builder.conftest import step


def test_a_step_inside_a_step_has_the_form_of_its_type(desk):
    """What undoes a step, and what a map does for each item."""
    inner = {"items": "{{ input.list }}", "step": {"type": "transform", "config": {"output": 1}}}
    site = desk([step("order"), step("each", "map", y=200, config=inner)])
    page = site.page
    site.select("order")
    page.get_by_role("tab", name="Undo").click()
    page.get_by_label("A rollback undoes it by").select_option("HTTP request")
    address = site.field("compensate.config.url").get_by_role("textbox")
    address.fill("https://example.org/{{ steps.order.output }}")
    address.blur()
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    saved = {one["key"]: one for one in site.saved()["steps"]}
    assert saved["order"]["compensate"]["config"]["url"] == "https://example.org/{{ steps.order.output }}"
    expect(site.field("compensate.config.url").locator(".tpl.bad")).to_have_count(0)
    page.get_by_label("A rollback undoes it by").select_option("nothing: what it did stays")
    expect(address).to_have_count(0)
    assert "compensate" not in site.saved()["steps"][0]

    site.select("each")
    page.get_by_role("tab", name="Each item").click()
    output = site.field("config.step.config.output").get_by_role("textbox")
    output.fill("")
    output.press_sequentially("{{ it")
    page.keyboard.press("Tab")
    expect(output).to_have_value("{{ item }}")
    output.blur()
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    saved = {one["key"]: one for one in site.saved()["steps"]}
    assert saved["each"]["config"]["step"]["config"]["output"] == "{{ item }}"
