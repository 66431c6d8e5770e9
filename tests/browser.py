"""Pages as people see them: headless Chromium, driven by Selenium.

Both programs come from Debian's packages ``chromium`` and ``chromium-driver``, or stand on the path
under the names of other systems. Where there is none, tests that ask for `browser` are skipped.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_CHROMIUM = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
# The last ones keep Chromium from calling home, which a closed network refuses many times a second.
_FLAGS = (
    '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio',
    '--autoplay-policy=no-user-gesture-required', '--force-color-profile=srgb',
    '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-extensions',
)  # fmt: skip
# What a page may load: what it holds itself, and what its own server gives.
_OWN = ('data:', 'blob:', 'file:', 'about:', 'chrome:', 'http://127.0.0.1', 'http://localhost')


class Browser:
    """A page in headless Chromium, with what it logged and what it asked for.

    Attributes:
        driver: Selenium's driver, for everything that has no method here.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.asked: list[str] = []

    def open(self, page: str | Path, width: int = 1280, height: int = 900) -> None:
        """Opens a file or an address in a window of that many px, and forgets the page before."""
        self.asked = []
        self.driver.get('about:blank')
        self.driver.get_log('browser')
        self.driver.get_log('performance')
        self.resize(width, height)
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)

    def resize(self, width: int, height: int = 900) -> None:
        """Sets the size of the page, in px; a phone's is 375 x 812."""
        size = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': width < 600}
        self.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)

    def run(self, script: str, *args: Any) -> Any:
        """What a script returns that runs in the page."""
        return self.driver.execute_script(script, *args)

    def wait(self, script: str, seconds: float = 20) -> Any:
        """What a script returns as soon as that is something; fails after so many seconds."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(
            lambda _: self.run(script), f'never true within {seconds} s: {script}'
        )

    def errors(self) -> list[str]:
        """What went wrong in the page since the last call: errors on its console."""
        entries = self.driver.get_log('browser')
        return [entry['message'] for entry in entries if entry['level'] == 'SEVERE']

    def asked_outside(self) -> list[str]:
        """Addresses that the page asked for and that are neither its own nor its server's."""
        for entry in self.driver.get_log('performance'):
            message = json.loads(entry['message'])['message']
            if message['method'] in ('Network.requestWillBeSent', 'Network.webSocketCreated'):
                params = message['params']
                self.asked.append(params.get('url') or params['request']['url'])
        own = (*_OWN, 'ws://127.0.0.1', 'ws://localhost')
        return [address for address in self.asked if not address.startswith(own)]

    def overflow(self) -> int:
        """Px by which the page is wider than its window; 0 where nothing scrolls sideways."""
        page = 'document.documentElement'
        return int(self.run(f'return {page}.scrollWidth - {page}.clientWidth'))

    def screenshot(self, file: Path) -> None:
        """Writes what the window shows as PNG."""
        if not self.driver.save_screenshot(str(file)):
            raise OSError(f'cannot write {file}')


@pytest.fixture(scope='session')
def _chromium(tmp_path_factory) -> Iterator[Browser]:
    webdriver = pytest.importorskip('selenium.webdriver', reason='no selenium')
    chromium = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    chromedriver = shutil.which('chromedriver')
    if chromium is None or chromedriver is None:
        pytest.skip('no chromium and chromedriver (Debian: chromium, chromium-driver)')
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    profile = tmp_path_factory.mktemp('chromium')
    for flag in (*_FLAGS, f'--user-data-dir={profile}'):
        options.add_argument(flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    driver = webdriver.Chrome(options, webdriver.ChromeService(chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture
def browser(_chromium: Browser) -> Browser:
    """Headless Chromium, on an empty page; the test is skipped where there is none."""
    _chromium.open('about:blank')
    return _chromium
