"""Activity: the plots add up and hold their box, the list is filtered and paged."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from postern.base.database import SYSTEM
from postern.store import contacts, events, stats
from postern.store.stats import Day, Top
from postern.web import plot
from support.people import Browser, Person, Site


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    return pages.browser(jane)


def week(*counts: tuple[int, int, int]) -> list[Day]:
    return [Day(date(2026, 11, 1) + timedelta(days=n), *one) for n, one in enumerate(counts)]


RECT = re.compile(r'<rect class="bar-\w+" x="([\d.]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"/>')

WEEKS = {
    "nothing": week(*[(0, 0, 0)] * 7),
    "one": week((1, 0, 0)),
    "all kinds": week((3, 2, 1), (0, 0, 9), (5, 0, 0)),
    "huge": week((10**9, 1, 10**9), (1, 1, 1)),
    "no days": [],
}


@pytest.mark.parametrize("case", WEEKS)
def test_bars_stay_in_their_box(case: str):
    drawn = plot.days(WEEKS[case])
    for found in RECT.findall(drawn):
        x, y, width, height = map(float, found)
        assert x >= 0 and x + width <= plot.WIDTH + 0.1
        assert y >= -0.1 and y + height <= plot.HEIGHT + 0.1


def test_the_highest_day_fills_the_box_and_the_others_their_share():
    heights: dict[float, float] = {}
    for x, _, _, height in RECT.findall(plot.days(week((3, 2, 1), (0, 0, 3), (0, 0, 0)))):
        heights[float(x)] = heights.get(float(x), 0) + float(height)
    assert sorted(heights.values()) == pytest.approx([plot.HEIGHT / 2, plot.HEIGHT], abs=0.3)


def test_every_number_stands_in_the_table_too():
    drawn = plot.days(week((1234, 2, 1)))
    assert '<td class="count">1,234</td><td class="count">1</td><td class="count">2</td>' in drawn


@pytest.mark.parametrize("numbers", [[], [0, 0], [3], [1, 10**12, 0, 5]])
def test_a_figures_bars_stay_in_their_box_and_each_number_stands_in_the_table(numbers: list[int]):
    found = [(date(2026, 11, 1) + timedelta(days=n), one) for n, one in enumerate(numbers)]
    drawn = plot.figure("Mail", "forwarded", found, "{:,} pieces".format)
    bars = [tuple(map(float, one)) for one in RECT.findall(drawn)]
    assert len(bars) == len([one for one in numbers if one])
    for x, y, width, height in bars:
        assert x >= 0 and x + width <= plot.WIDTH + 0.1
        assert y >= -0.1 and y + height <= plot.LOW + 0.1
    if bars:
        assert max(height for *_, height in bars) == plot.LOW
    for one in numbers:
        assert f'<td class="count">{one:,} pieces</td>' in drawn


def test_names_in_a_plot_are_text():
    drawn = plot.top([Top("<b>&@x.example", 3), Top("y@x.example", 1)])
    assert "<b>" not in drawn
    assert 'width="100.0"' in drawn and 'width="33.3"' in drawn


def test_counts_of_days_and_aliases_are_those_of_the_user(pages: Site, jane: Person):
    mine, joe = pages.alias(jane, f"a-{jane.handle}"), pages.person()
    his = pages.alias(joe, f"b-{joe.handle}")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for alias, owner in ((mine, jane), (his, joe)):
            for back, many in ((0, 3), (29, 2), (30, 9)):
                db.run(
                    "INSERT INTO alias_days (alias_id, user_id, day, forwarded, blocked)"
                    " VALUES (:a, :u, CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:back AS integer), :many, 1)",
                    a=alias.id,
                    u=owner.id,
                    back=back,
                    many=many,
                )
        days = stats.days(db, jane.id, 30)
        assert len(days) == 30
        assert [(one.forwarded, one.blocked) for one in (days[0], days[1], days[-1])] == [
            (2, 1),
            (0, 0),
            (3, 1),
        ]
        assert stats.top(db, jane.id, 30, 5) == [Top(mine.address, 5)]


def test_the_page_of_a_new_user_teaches(browser: Browser):
    page = browser.get("/activity").text
    assert "Nothing has happened yet" in page
    assert "Busiest" not in page


def test_events_are_filtered_and_paged(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for n in range(60):
            events.add(db, pages.context.ring, jane.id, "received", note={"from": f"sender-{n}@x.example"})
        events.add(db, pages.context.ring, jane.id, "sent")
    first = browser.get("/activity?kind=received")
    assert "sender-59@" in first.text and "sender-9@" not in first.text
    older = re.findall(r'href="(/activity\?[^"]*before=\d+)"', first.text)[0].replace("&amp;", "&")
    second = browser.get(older).text
    assert "sender-9@" in second and "sender-59@" not in second
    assert "before=" not in second
    assert "A message was handed on." in browser.get("/activity?kind=sent").text
    for odd in ("?kind=<script>", "?before=x", "?before=-1", "?kind=sent&kind=sent"):
        assert browser.get("/activity" + odd).status == 200


def test_an_event_says_which_alias_and_which_contact_it_is_about(pages: Site, browser: Browser, jane: Person):
    alias = pages.alias(jane, f"c-{jane.handle}")
    ring = pages.context.ring
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        bob = contacts.ensure(db, ring, alias.id, "bob@friends.example", "Bob")
        events.add(db, ring, jane.id, "received", alias_id=alias.id, contact_id=bob.id)
        events.add(db, ring, jane.id, "sent", alias_id=alias.id, note={"said": "2.0.0 Ok: queued as 4F1"})
        events.add(db, ring, jane.id, "failed", alias_id=alias.id, note={"said": "5.2.2 full"})
    page = browser.get("/activity").text.replace("<wbr>", "")
    assert page.count(f'href="/aliases/{alias.uid}"') == 3
    assert alias.address in page and "bob@friends.example" in page
    assert "Said: 5.2.2 full." in page
    assert "queued as" not in page, "what a server says that takes it tells nobody anything"
    of_alias = browser.get(f"/aliases/{alias.uid}").text.replace("<wbr>", "")
    events_there = of_alias.partition('id="activity"')[2]
    assert "bob@friends.example" in events_there and alias.address not in events_there
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        db.run("DELETE FROM aliases WHERE id = :id", id=alias.id)
    gone = browser.get("/activity").text
    assert "A message came in." in gone and f"/aliases/{alias.uid}" not in gone
