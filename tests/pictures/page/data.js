// A panel's data as its drawing needs them: asked, transformed, with unit, colour, links and words of each field.
import { lastValueFrom } from 'rxjs';
import { applyFieldOverrides, getFieldDisplayName, getFieldDisplayValuesProxy, rangeUtil, transformDataFrame } from '@grafana/data';
import { optionsOf, withDefaults } from './grafana.js';
import { ask } from './prometheus.js';
import { filled, told } from './variables.js';

// ${__data.fields.VPG:percentencode}: another cell of the row; ${__field.labels.vpg:percentencode}: a label of the line.
const OF_DATA = /\$\{__(data\.fields|field\.labels)\.(\w+):percentencode\}/g;

/** `view` has what all panels of a dashboard share: prometheus, range, scrape (in seconds), theme and values. */
export async function load(panel, width, view) {
  const { intervalMs } = rangeUtil.calculateInterval(view.range.grafana, Math.round(width), `${view.scrape}s`);
  const step = Math.max(intervalMs / 1000, view.scrape);
  const times = {
    __interval: { asked: `${step}s` },
    __range: { asked: `${Math.round((view.range.to - view.range.from) / 1000)}s` },
    __range_s: { asked: `${Math.round((view.range.to - view.range.from) / 1000)}` },
    __url_time_range: { shown: [`from=${view.range.from}&to=${view.range.to}`] },
    __rate_interval: { asked: `${Math.max(step + view.scrape, 4 * view.scrape)}s` },
  };
  const fill = (text) => filled(text, { ...view.values, ...times });
  const { frames, queries } = await ask(view.prometheus, panel, { fill, range: view.range, step });
  const transformed = panel.transformations?.length
    ? await lastValueFrom(transformDataFrame(panel.transformations, frames))
    : frames;
  const fieldConfig = withDefaults(panel);
  const data = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: optionsOf(panel.type),
    replaceVariables: (text, scoped) => told(text.replace(OF_DATA, (whole, of, name) => found(scoped, of, name) ?? whole), { ...view.values, ...times }),
    theme: view.theme,
    timeZone: 'utc',
  });
  const named = data.flatMap((frame) => frame.fields.map((field) => getFieldDisplayName(field, frame, data)));
  return { fields: named, frames: data, panel: { ...panel, fieldConfig }, queries };
}

// What a link passes on; undefined where the data do not have it.
function found(scoped, of, name) {
  const context = scoped?.__dataContext?.value;
  if (!context) return undefined;
  const { field, frame, rowIndex } = context;
  const value = of === 'field.labels' ? field.labels?.[name] : getFieldDisplayValuesProxy({ frame, rowIndex })[name];
  return value === undefined ? undefined : encodeURIComponent(String(value));
}
