// What can be told of a drawn dashboard without looking at it.

const cut = (panel, found) =>
  [...panel.querySelectorAll(found)]
    .filter(({ clientWidth, scrollWidth }) => clientWidth && scrollWidth > clientWidth + 1)
    .map(({ innerText }) => innerText.trim())
    .filter(Boolean);

const right = (element) => element.getBoundingClientRect().right;
const bottom = (element) => element.getBoundingClientRect().bottom;

/** Of one panel: texts that are cut off, by how many pixels its table is too wide, legend entries out of sight. */
export function measured(panel) {
  const table = panel.querySelector('[role=table]');
  const headers = [...panel.querySelectorAll('[role=columnheader]')];
  const names = [...panel.querySelectorAll('svg text.name')].map(({ textContent }) => textContent);
  return {
    cellsCut: [...new Set([...cut(panel, '[role=cell], [role=cell] *'), ...names.filter((name) => name.endsWith('…'))])],
    failed: panel.querySelector('.failed')?.innerText,
    headersCut: [...new Set(cut(panel, '[role=columnheader], [role=columnheader] *'))],
    legend: legendOf(panel),
    links: [...panel.querySelectorAll('a[href]')].map((link) => link.getAttribute('href')),
    text: panel.innerText,
    titleCut: cut(panel, 'h2').length > 0,
    tooWide: table && headers.length ? Math.max(0, Math.round(Math.max(...headers.map(right)) - right(table))) : 0,
  };
}

function legendOf(panel) {
  const entries = [...panel.querySelectorAll('[class*=LegendRow], [class*=legendTable] tbody tr, [class*=LegendItem]')];
  const box = entries[0] && scroller(entries[0], panel);
  if (!box) return { entries: entries.length, hidden: 0 };
  return { entries: entries.length, hidden: entries.filter((entry) => bottom(entry) > bottom(box) + 2).length };
}

function scroller(element, end) {
  for (let up = element.parentElement; up && up !== end; up = up.parentElement) {
    if (up.scrollHeight > up.clientHeight + 1 && getComputedStyle(up).overflowY !== 'visible') return up;
  }
  return undefined;
}
