// What can be told of a drawn panel without looking at it.

const right = (element) => element.getBoundingClientRect().right;
const bottom = (element) => element.getBoundingClientRect().bottom;
const distinct = (found) => [...new Set(found)];

/**
 * Of one panel: its headers, texts that are cut off, by how many pixels its table is too wide, what is in sight of its
 * legend, where its links lead, all of its text.
 */
export function measured(panel) {
  const headers = [...panel.querySelectorAll('[role=columnheader]')];
  const cells = [...panel.querySelectorAll('[role=cell]')];
  const names = [...panel.querySelectorAll('svg text.name')].map(({ textContent }) => textContent);
  return {
    cellsCut: distinct([...cells.flatMap((cell) => cut(cell, cell)), ...names.filter((name) => name.endsWith('…'))]),
    failed: panel.querySelector('.failed')?.innerText ?? '',
    headers: headers.map(({ innerText }) => innerText.trim()),
    headersCut: distinct(headers.flatMap((header) => cut(header, header))),
    legend: legendOf(panel),
    links: distinct([...panel.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))),
    text: panel.innerText,
    titleCut: [...panel.querySelectorAll('h2')].some((title) => cut(title, panel).length > 0),
    tooWide: Math.max(0, Math.round(Math.max(...headers.map(right)) - right(panel))),
  };
}

// The texts in an element that reach beyond what is shown of them; `end` is the last one that may hide a part.
function cut(element, end) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode;
    range.selectNodeContents(text);
    if (text.data.trim() && range.getBoundingClientRect().right > edge(text.parentElement, end) + 1) found.push(text.data.trim());
  }
  return found;
}

function edge(element, end) {
  const own = getComputedStyle(element).overflowX === 'visible' ? Infinity : right(element);
  return element === end ? right(element) : Math.min(own, edge(element.parentElement, end));
}

function legendOf(panel) {
  const entries = [...panel.querySelectorAll('table tbody tr, ul li')];
  const box = entries[0] && clipping(entries[0], panel);
  return {
    cut: distinct(entries.flatMap((entry) => cut(entry, panel))),
    entries: entries.length,
    seen: entries.filter((entry) => bottom(entry) <= bottom(box) + 2).length,
  };
}

function clipping(element, end) {
  const up = element.parentElement;
  return up === end || getComputedStyle(up).overflowY !== 'visible' ? up : clipping(up, end);
}
