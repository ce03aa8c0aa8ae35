"""The judge of the tag: html5lib and parse5 read every hostile document before and behind footfall.

Law: of a document that gets the tag, the tag is a child of the head, and the tree without it, as either of them builds
it, is the tree of the original; the bytes without it are the original's. Of all others no byte differs. The documents
are those of tests/data/html_cases.json, served by nginx and asked for as a browser's navigation asks.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any
from xml.dom.minidom import Element, Node

from benchmarks.servers import footfall, nginx
from judges import FOUND, GOOD, ROOT
from judges.lint import NAVIGATION
from judges.tools import ask, node, package, program

CASES = ROOT / "tests" / "data" / "html_cases.json"
TAG = re.compile(rb'<script async src="/_footfall/t\.js\?v=[0-9a-f]{8}" data-page="[\w-]{43}"></script>')
SITE = """
    types {{ text/html html; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location / {{ charset utf-8; }}
        location /nocs- {{ charset off; }}
    }}
"""
PARSE5 = """
import { readFileSync } from 'node:fs'
import { parse } from 'parse5'
const text = (child) => child.nodeName === '#text'
const ours = (child) => child.nodeName === 'script' && child.attrs.some(({ name }) => name === 'data-page')
function outline (node, parents) {
  const children = []
  for (const child of node.childNodes ?? node.content?.childNodes ?? []) {
    if (ours(child)) {
      parents.push(node.nodeName)
    } else if (text(child) && typeof children.at(-1) === 'string') {
      children.push(children.pop() + child.value)
    } else {
      children.push(text(child) ? child.value : outline(child, parents))
    }
  }
  const inside = node.content ? outline({ childNodes: node.content.childNodes }, parents) : null
  const attrs = (node.attrs ?? []).map(({ name, value }) => [name, value])
  return [node.nodeName ?? '', node.namespaceURI ?? '', attrs, node.data ?? '', node.mode ?? '', children, inside]
}
const read = (html) => { const parents = []; return { tree: JSON.stringify(outline(parse(html), parents)), parents } }
const pairs = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify(pairs.map(([before, after]) => {
  const [one, two] = [read(before), read(after)]
  return { same: one.tree === two.tree, parents: two.parents }
})))
"""
Outline = tuple[str, list[tuple[str, str]], str, list["Outline"]]
Verdict = tuple[bool, list[str]]
"""Whether the trees are the same without the tag, and what its parents are."""


def main(words: list[str]) -> int:
    nginx_program = program("nginx", "nginx")
    html5lib = package("html5lib")
    cases = json.loads(CASES.read_text("utf-8"))["cases"]
    with tempfile.TemporaryDirectory(prefix="footfall-judge-") as folder:
        where = Path(folder)
        write_site(where / "site", cases)
        with (
            nginx(nginx_program, where / "nginx", "site", SITE, root=where / "site") as site,
            footfall(where / "footfall", site) as through,
        ):
            bodies = [ask(through.port, "GET", f"/{case['name']}.html", NAVIGATION).body for case in cases]
    wrong: list[str] = []
    pairs: list[tuple[str, bytes, bytes]] = []
    for case, after in zip(cases, bodies, strict=True):
        before = case["html"].encode()
        tags = TAG.findall(after)
        if len(tags) != case["inject"] or TAG.sub(b"", after, count=1) != before:
            wrong.append(f"{case['name']}: {len(tags)} tags, or other bytes differ")
        elif tags:
            pairs.append((case["name"], before, after))
    judges = {
        "html5lib": [by_html5lib(html5lib, before, after) for _, before, after in pairs],
        "parse5": by_parse5(pairs),
    }
    for judge, verdicts in judges.items():
        for (name, _, _), (same, parents) in zip(pairs, verdicts, strict=True):
            if not same or parents != ["head"]:
                wrong.append(f"{name}: {judge}: {'the same' if same else 'another'} tree, the tag in {parents}")
    print(f"injection: {len(cases)} documents, {len(pairs)} with the tag, {len(wrong)} faults (html5lib, parse5)")
    for line in wrong:
        print(f"  {line}")
    return FOUND if wrong else GOOD


def write_site(root: Path, cases: list[dict[str, Any]]) -> None:
    root.mkdir()
    for case in cases:
        (root / f"{case['name']}.html").write_bytes(case["html"].encode())


def text(document: bytes) -> str:
    """One character a byte: the judges shall not guess a charset, and a mark is none of the text."""
    return document.removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def by_parse5(pairs: list[tuple[str, bytes, bytes]]) -> list[Verdict]:
    told = json.dumps([[text(before), text(after)] for _, before, after in pairs])
    return [(one["same"], one["parents"]) for one in json.loads(node(PARSE5, "parse5", told))]


def by_html5lib(html5lib: Any, before: bytes, after: bytes) -> Verdict:
    one, two = tree(html5lib, before), tree(html5lib, after)
    return one[:2] == two[:2], two[2]


def tree(html5lib: Any, document: bytes) -> tuple[Outline, str, list[str]]:
    """(tree without our tag, quirks mode, parents of our tag)."""
    parser = html5lib.HTMLParser(html5lib.getTreeBuilder("dom"), namespaceHTMLElements=False)
    dom = parser.parse(text(document), scripting=True)
    ours = [node for node in dom.getElementsByTagName("script") if node.hasAttribute("data-page")]
    parents = [node.parentNode.tagName for node in ours]
    for one in ours:
        one.parentNode.removeChild(one)
    dom.normalize()
    return outline(dom), parser.compatMode, parents


def outline(node: Node) -> Outline:
    attributes = sorted(node.attributes.items()) if isinstance(node, Element) else []
    return node.nodeName or "", attributes, node.nodeValue or "", [outline(child) for child in node.childNodes]
