# SPDX-License-Identifier: Apache-2.0
"""The page for people: by plain HTTP, and in a Chromium where one is installed."""

import contextlib
import html.parser
import http.server
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

from harness import process, truth, watching

RECORDING = truth.TESTNET
HOSTILE = "\"'><script>alert(1)</script>"


class Checker(html.parser.HTMLParser):
    """Every element that needs an end has one, in order."""

    VOID = {"meta", "link", "br", "rect", "path", "polyline"}

    def __init__(self, text):
        super().__init__()
        self.open, self.scripts, self.addresses = [], 0, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


@pytest.fixture
def run(lake, processes):
    server = processes(process.Replay([RECORDING.events]))
    watched = processes(watching.Watched(lake, server.endpoint, RECORDING.first,
                                         network="testnet", service_name=HOSTILE,
                                         max_file_age="500ms"))
    watched.wait_for_health(lambda one: one.json["files_created"] > 0, "a commit")
    return watched


def test_the_page_shows_the_run_without_javascript(run):
    run.wait_for_health(lambda one: one.json["last_committed_ledger"] == RECORDING.last - 1, "all")
    answer = run.ask("/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    page = answer.text
    checked = Checker(page)
    assert checked.scripts == 1, "ours alone"
    assert all(address.startswith("data:") or address == "health"
               for address in checked.addresses), checked.addresses
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Catching up with testnet" in page
    assert f"{RECORDING.last:,}" in page
    assert "Last commits" in page and '<span class="tag">age</span>' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search("'nonce-([A-Za-z0-9+/=]+)'", policy).group(1)
    assert page.count(f'nonce="{nonce}"') == 2 and "default-src 'none'" in policy
    run.stop().expect(0)


# ---- in a browser --------------------------------------------------------------------------------

def chromium(tmp_path, *arguments, limit=90):
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("chromium is not installed: Debian's package chromium has it")
    folder = tmp_path / "chromium"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    answer = subprocess.run(
        [binary, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", f"--user-data-dir={folder}", *arguments],
        capture_output=True, text=True, timeout=limit, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


@contextlib.contextmanager
def serving(answers):
    """A server whose N-th request for the page gets answers[N] (the last one again and again): a
    (text, headers) pair, or None for a closed connection."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/":
                self.send_error(404)
                return
            answer = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            if answer is None:
                self.close_connection = True
                return
            text, headers = answer
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def page_of(run):
    """The page with its policy, as a pair to serve."""
    answer = run.ask("/")
    return answer.text, {"Content-Type": answer.headers["Content-Type"],
                         "Content-Security-Policy": answer.headers["Content-Security-Policy"]}


def test_a_browser_shows_it_and_brings_it_up_to_date(run, tmp_path):
    text, headers = page_of(run)
    later = re.sub("<h1>.*</h1>", "<h1>Later words</h1>", text), headers
    with serving([(text, headers), later]) as address:
        shown = chromium(tmp_path, "--virtual-time-budget=7000", "--dump-dom", address)
    assert "<h1>Later words</h1>" in shown
    assert re.search('<p id="lost"[^>]*hidden', shown)
    run.stop().expect(0)


def test_a_browser_says_so_when_the_run_is_gone(run, tmp_path):
    page = page_of(run)
    with serving([page, None]) as address:
        shown = chromium(tmp_path, "--virtual-time-budget=9000", "--dump-dom", address)
    assert re.search("No answer for [0-9]+ s: what stands here is old", shown)
    run.stop().expect(0)


def test_it_fits_a_phone_a_desk_and_a_dark_room(run, tmp_path):
    text, headers = page_of(run)
    nonce = re.search("'nonce-([A-Za-z0-9+/=]+)'", headers["Content-Security-Policy"]).group(1)
    probe = (f'<script nonce="{nonce}">document.body.dataset.size = innerWidth + " " +'
             ' document.documentElement.scrollWidth + " " +'
             ' getComputedStyle(document.body).backgroundColor</script></body>')
    colours = set()
    with serving([(text.replace("</body>", probe), headers)]) as address:
        for width, extra in ((390, ()), (1280, ()),
                             (1280, ("--blink-settings=preferredColorScheme=0",))):
            picture = tmp_path / f"page-{width}-{len(extra)}.png"
            shown = chromium(tmp_path, f"--window-size={width},1200", *extra, "--dump-dom", address)
            inner, scroll, colour = re.search('data-size="([0-9]+) ([0-9]+) ([^"]*)"',
                                              shown).groups()
            assert int(inner) <= max(width, 500), inner
            assert int(scroll) <= int(inner), f"it is {scroll} wide in a window of {inner}"
            colours.add(colour)
            chromium(tmp_path, f"--window-size={width},1200", *extra, f"--screenshot={picture}",
                     address)
            assert pathlib.Path(picture).stat().st_size > 10000
    assert len(colours) == 2, f"light and dark have the same ground: {colours}"
    run.stop().expect(0)
