"""The browser of the tests sees what is wrong with a page."""

import pytest

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>page</title>
<body style="margin:0"><div style="width:{width}px;height:20px;background:#00ff00"></div>
<script>{script}</script>"""


@pytest.mark.parametrize('width', [300, 500])
def test_a_page_that_is_too_wide_for_a_phone(browser, tmp_path, width):
    (tmp_path / 'page.html').write_text(PAGE.format(width=width, script=''))
    browser.open(tmp_path / 'page.html', 375, 812)
    assert browser.overflow() == max(0, width - 375)
    assert (browser.errors(), browser.asked_outside()) == ([], [])


def test_errors_and_requests_of_a_page_are_seen(browser, tmp_path):
    script = 'fetch("https://example.invalid/x.js").catch(() => {{}}); throw Error("broken")'
    (tmp_path / 'page.html').write_text(PAGE.format(width=9, script=script.format()))
    browser.open(tmp_path / 'page.html')
    browser.wait('return document.readyState == "complete"')
    assert any('broken' in error for error in browser.errors())
    assert browser.asked_outside() == ['https://example.invalid/x.js']


def test_a_page_forgets_what_the_one_before_it_did(browser, tmp_path):
    (tmp_path / 'page.html').write_text(PAGE.format(width=9, script='throw Error("broken")'))
    browser.open(tmp_path / 'page.html')
    (tmp_path / 'other.html').write_text(PAGE.format(width=9, script=''))
    browser.open(tmp_path / 'other.html')
    assert browser.errors() == []
