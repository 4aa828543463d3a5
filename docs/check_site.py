"""Check the built site: links that lead nowhere, pages that scroll sideways, code and tables that are cut off.

    python docs/check_site.py [SITE]

Links and anchors are read from the pages themselves. The width needs Chromium, $CHROMIUM or the system's; without one
it is left out. Screenshots of every page, as wide as a phone and as a desk, lie beside the site then. Tables of many
columns may scroll on a phone, not on a desk.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

PHONE, DESK = 390, 1280  # pixels
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Frames are as narrow as they are told, which the smallest window of a browser may not be.
FRAME = '<iframe src="/{}" style="width: {}px; height: 2000px; border: 0"></iframe>'
BOTH = '<body style="display: flex; gap: 20px; margin: 0; background: grey">'
# Furo lets the content scroll where the whole page may not, and code and tables within it.
MEASURE = """<body><script>
(async () => {
  let result = [];
  for (const width of [PHONE, DESK]) for (const page of PAGES) {
    const frame = document.createElement("iframe");
    frame.style = `width: ${width}px; height: 800px`;
    frame.src = "/" + page;
    document.body.replaceChildren(frame);
    await new Promise(loaded => frame.onload = loaded);
    const parts = "html, .content, .content pre" + (width == DESK ? ", .content .table-wrapper" : "");
    const boxes = [...frame.contentDocument.querySelectorAll(parts)];
    result.push([page, width, Math.max(...boxes.map(box => box.scrollWidth - box.clientWidth))]);
  }
  await fetch("/", {method: "POST", body: JSON.stringify(result)});
})();
</script>"""


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value or "")
            if name in ("href", "src") and value:
                self.links.append(value)


def broken_links(site: Path) -> list[str]:
    """List links to other places of the site that are not there; links out of it are left aside."""
    pages = {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts}
    found = []
    for path, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(link)
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            file = (path.parent / unquote(urlsplit(target).path)).resolve() if target else path
            there = file.exists() and (file not in pages or unquote(anchor) in pages[file].anchors)
            if not there:
                found.append(f"{path.relative_to(site)}: {link}")
    return found


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, each page in a frame, and a page that measures the others; takes what that has measured."""

    own: dict[str, str] = {}
    measured: queue.Queue[list[list[Any]]] = queue.Queue()

    def do_GET(self) -> None:
        if self.path not in self.own:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.own[self.path].encode())

    def do_POST(self) -> None:
        self.measured.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def too_wide(site: Path, browser: str, shots: Path) -> list[str]:
    """List pages on which something is cut off on the right, and take screenshots of all."""
    names = sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html") if "_static" not in p.parts)
    Handler.own = {f"/both/{name}": BOTH + FRAME.format(name, PHONE) + FRAME.format(name, DESK) for name in names}
    sizes = {"PAGES": json.dumps(names), "PHONE": str(PHONE), "DESK": str(DESK)}
    Handler.own["/measure"] = functools.reduce(lambda page, size: page.replace(*size), sizes.items(), MEASURE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    shots.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = subprocess.Popen([*command, f"{address}/measure"], **quiet)
        try:
            measured = Handler.measured.get(timeout=300)
        finally:
            running.terminate()
            running.wait()
        for name in names:
            file = shots / f"{name.replace('/', '-').removesuffix('.html')}.png"
            size = [f"--window-size={PHONE + 20 + DESK},2000", f"--screenshot={file}", "--virtual-time-budget=3000"]
            subprocess.run([*command, *size, f"{address}/both/{name}"], check=True, timeout=120, **quiet)
    server.shutdown()
    return [f"{name}, {width} pixels wide: {hidden} are cut off" for name, width, hidden in measured if hidden > 0]


def main() -> None:
    site = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "_build" / "html").resolve()
    found = [f"broken link in {link}" for link in broken_links(site)]
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if browser:
        found += too_wide(site, browser, site.parent / "screenshots")
        print(f"Screenshots: {site.parent / 'screenshots'}")
    else:
        print("No Chromium found: the width of the pages is not checked. Name one in $CHROMIUM to do so.")
    print(*found or ["All links lead somewhere."], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
