"""German words are long: on a phone nothing may stick out, and no button or tab may be cut."""

WORDS = ".button, .rail-link > span, .tab, .badge, .chip-face, dt, h1, h2"
# The tables behind the charts scroll by themselves.
CUT = """(words) => [...document.querySelectorAll(words)]
  .filter((one) => one.offsetParent && !one.closest(".visually-hidden, .figures-box"))
  .filter((one) => {
    const box = one.getBoundingClientRect();
    const parent = one.parentElement.getBoundingClientRect();
    return one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
      || box.right > innerWidth + 1
      || one.matches(".rail-link > span:not(.rail-badge)") && box.width > parent.width + 1;
  })
  .map((one) => one.textContent.trim())"""


def test_nothing_is_cut_on_a_phone(tablet, cast, session):
    cast.root.locale = "de"
    session.commit()
    phone = tablet(viewport={"width": 320, "height": 700})
    phone.enter(cast.root)
    marie = f"/customers/{cast.marie.id}"
    paths = [
        "/customers",
        marie,
        f"{marie}/consents/new",
        f"{marie}/data-requests/new",
        "/reviews",
        "/dashboard",
    ]
    paths += [f"/admin/{page}" for page in ("associates", "attributes", "wordings", "api-clients", "jobs")]
    for path in [*paths, "/dashboard", "/data-requests", "/logs/audit", "/logs/seen"]:
        phone.open(path)
        assert phone.page.locator("html").get_attribute("lang") == "de"
        assert (path, phone.page.evaluate(CUT, WORDS)) == (path, [])
        assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
