// Asks a Prometheus, and makes of its answers the data frames that Grafana's data source makes of them.
import { FieldType, createDataFrame } from '@grafana/data';

export class Prometheus {
  constructor(url) {
    this.url = url;
  }

  labelValues(label, selector, { from, to }) {
    const asked = new URLSearchParams({ 'match[]': selector, start: from / 1000, end: to / 1000 });
    return this.#answer(`/api/v1/label/${label}/values?${asked}`);
  }

  now(query, { to }) {
    return this.#answer('/api/v1/query', { query, time: to / 1000 });
  }

  over(query, { from, to }, step) {
    const [start, end] = [from, to].map((time) => Math.floor(time / 1000 / step) * step);
    return this.#answer('/api/v1/query_range', { query, start, end, step });
  }

  async #answer(path, form) {
    const response = await fetch(this.url + path, form && { method: 'POST', body: new URLSearchParams(form) });
    const { data, error, status } = await response.json();
    if (status !== 'success') throw new Error(error);
    return data;
  }
}

/**
 * The frames of a panel's targets. `fill` writes the variables into a query, `step` is in seconds.
 * `queries` tells how many series each has, and how long its answer took in milliseconds.
 */
export async function ask(prometheus, { targets }, { fill, range, step }) {
  const shown = targets.filter(({ hide }) => !hide);
  const tables = shown.filter(({ format }) => format === 'table').length;
  const answers = await Promise.all(
    shown.map(async (target) => {
      const query = fill(target.expr);
      const begun = performance.now();
      const data = await (target.instant ? prometheus.now(query, range) : prometheus.over(query, range, step));
      const series = data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result;
      const frames = KINDS[target.format ?? 'time_series'](series, { query, step: target.instant ? 0 : step, tables, target });
      return { frames, query: { query, refId: target.refId, series: series.length, ms: Math.round(performance.now() - begun) } };
    })
  );
  return { frames: answers.flatMap(({ frames }) => frames), queries: answers.map(({ query }) => query) };
}

const KINDS = {
  // A frame for each series.
  time_series: (series, { query, step, target }) =>
    series.map(({ metric, value, values = [value] }) => {
      const samples = broken(values, step);
      return createDataFrame({
        refId: target.refId,
        fields: [
          time(samples.map(([at]) => at), step),
          {
            config: { displayNameFromDS: legend(metric, target.legendFormat, query) },
            labels: metric,
            name: 'Value',
            type: FieldType.number,
            values: samples.map(([, number]) => numberOf(number)),
          },
        ],
      });
    }),

  // A frame for the whole answer, its labels as columns; where nothing was found there are no labels.
  table: (series, { tables, target }) => {
    const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
    const columns = labels.map((name) => ({
      config: { filterable: true },
      name,
      type: FieldType.string,
      values: series.map(({ metric }) => metric[name] ?? ''),
    }));
    const value = {
      config: {},
      name: tables > 1 ? `Value #${target.refId}` : 'Value',
      type: FieldType.number,
      values: series.map(({ value: [, number] }) => numberOf(number)),
    };
    return [createDataFrame({ refId: target.refId, fields: [time(series.map(({ value: [at] }) => at), 0), ...columns, value] })];
  },

  // A frame for each bucket, from the lowest, without what is in those below it.
  heatmap: (series, asked) => {
    const sorted = [...series].sort((one, other) => numberOf(one.metric.le) - numberOf(other.metric.le));
    const single = sorted.map(({ metric, values }, place) => {
      const below = new Map(sorted[place - 1]?.values);
      return { metric, values: values.map(([at, number]) => [at, Math.max(0, number - (below.get(at) ?? 0))]) };
    });
    return KINDS.time_series(single, asked);
  },
};

const time = (seconds, step) => ({
  config: step ? { interval: step * 1000 } : {},
  name: 'Time',
  type: FieldType.time,
  values: seconds.map((at) => at * 1000),
});

// A line ends where samples are missing, as in Grafana, whose package sees to that for the first series only.
const broken = (values, step) =>
  values.flatMap((value, place) => {
    const next = values[place + 1];
    return next && next[0] - value[0] > step ? [value, [value[0] + step, null]] : [value];
  });

const WORDS = { '+Inf': Infinity, '-Inf': -Infinity };
const numberOf = (text) => (text === null ? null : WORDS[text] ?? Number(text));

function legend(metric, format, query) {
  if (format && format !== '__auto') return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const { __name__: name = '', ...labels } = metric;
  const listed = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return listed.length ? `${name}{${listed.join(', ')}}` : name || query;
}
