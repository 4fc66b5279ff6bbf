// window.draw draws one dashboard, and tells what is on it.
import 'uplot/dist/uPlot.min.css';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';
import { ThemeContext, createTheme, dateTime } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { Dashboard, placeOf } from './dashboard.jsx';
import { load } from './data.js';
import { begin } from './grafana.js';
import { measured } from './measure.js';
import { Prometheus } from './prometheus.js';
import { opened } from './variables.js';

const FONTS = ['14px Inter', '500 14px Inter', "14px 'Roboto Mono'"];

begin();
let root;

// Icons and the widths of columns come after the first drawing: it is done when nothing changes any more.
const QUIET_FRAMES = 10;
let changes = 0;
let underway = 0;
new MutationObserver(() => (changes += 1)).observe(document, { attributes: true, childList: true, subtree: true });
const fetched = window.fetch.bind(window);
window.fetch = (...asked) => {
  underway += 1;
  return fetched(...asked).finally(() => (underway -= 1));
};
const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
async function settled() {
  for (let quiet = 0; quiet < QUIET_FRAMES; ) {
    const before = changes;
    await frame();
    quiet = underway || changes > before ? 0 : quiet + 1;
  }
}

function rangeOf(from, to) {
  const [first, last] = [dateTime(from), dateTime(to)];
  return { from, to, grafana: { from: first, to: last, raw: { from: first, to: last } } };
}

/** Times in milliseconds, `scrape` in seconds, `wanted` the values of variables by name. */
window.draw = async ({ dashboard: uid, from, label, mode, scrape, server, to, wanted }) => {
  const dashboard = await (await fetch(`/dashboards/${uid}.json`)).json();
  const prometheus = new Prometheus(server);
  const range = rangeOf(from, to);
  const values = await opened(dashboard, prometheus, range, wanted);
  const theme = createTheme({ colors: { mode } });
  const view = { prometheus, range, scrape, theme, values };
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  const loaded = new Map(
    await Promise.all(
      panels.map(async (panel) => [panel.id, await load(panel, placeOf(panel).width, view).catch((error) => ({ error }))])
    )
  );
  root?.unmount();
  root = createRoot(document.getElementById('root'));
  const render = (inner) =>
    flushSync(() =>
      root.render(
        <ThemeContext.Provider value={theme}>
          <GlobalStyles isExtensionSidebarOpen={false} />
          {inner}
        </ThemeContext.Provider>
      )
    );
  // Lines and tables measure their texts, so the fonts come first.
  render(null);
  await Promise.all(FONTS.map((font) => document.fonts.load(font)));
  render(<Dashboard dashboard={dashboard} label={label} loaded={loaded} view={view} />);
  await settled();
  return {
    height: document.querySelector('main').scrollHeight,
    panels: panels.map(({ id, title, type }) => {
      const { fields, frames, queries } = loaded.get(id);
      const rows = frames?.reduce((sum, { length }) => sum + length, 0);
      return { title, type, fields, queries, rows, ...measured(document.querySelector(`[data-panel="${id}"]`)) };
    }),
    variables: Object.fromEntries(Object.entries(values).map(([name, { shown }]) => [name, shown])),
  };
};
