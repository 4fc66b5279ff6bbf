// The variables of a dashboard: what is chosen when it is opened, and a text with them filled in.

/**
 * Values by name: `shown`, what the bar and titles say, and `asked`, what goes into a query.
 * What the address of a dashboard names is in `wanted`, such as {vpg: ['ERP-Production']}.
 */
export async function opened(dashboard, prometheus, range, wanted) {
  const values = {};
  for (const variable of dashboard.templating.list) {
    values[variable.name] = await KINDS[variable.type](variable, { prometheus, range, values, wanted: wanted[variable.name] });
  }
  return values;
}

const KINDS = {
  datasource: () => ({ asked: 'prometheus', shown: ['Prometheus'] }),
  custom: ({ current, query }, { wanted }) => {
    const options = query.split(',').map((option) => option.trim().split(' : '));
    const value = wanted?.[0] ?? current?.value;
    const [text, chosen = text] = options.find(([shown, asked = shown]) => asked === value) ?? options[0];
    return { asked: chosen, shown: [text] };
  },
  query: async (variable, { prometheus, range, values, wanted }) => {
    const call = filled(variable.query.query ?? variable.query, values);
    const [, selector, label] = call.match(/^label_values\((.*),\s*(\w+)\)$/s);
    const options = await prometheus.labelValues(label, selector, range);
    if (wanted) return { asked: pattern(wanted, variable), options, shown: wanted };
    if (variable.includeAll) {
      return { asked: variable.allValue || pattern(options, variable), options, shown: ['All'] };
    }
    const first = options.slice(0, 1);
    return { asked: pattern(first, variable), options, shown: first };
  },
};

// As the data source of Grafana writes values into a regular expression inside a string.
function pattern(values, { includeAll, multi }) {
  if (!includeAll && !multi) return values.map((value) => value.replaceAll('\\', '\\\\').replaceAll("'", "\\\\'")).join();
  const escaped = values.map((value) => value.replaceAll('\\', '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&'));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
}

const NAME = /\$(?:(\w+)|\{(\w+)(?::(\w+))?\})/g;

/** A query with the values of its variables; a name that is none stays as it is. */
export const filled = (text, values) => text.replace(NAME, (whole, plain, braced) => values[plain ?? braced]?.asked ?? whole);

/** A title or a link with the values of its variables. */
export const told = (text, values) =>
  text.replace(NAME, (whole, plain, braced, format) => {
    const { shown } = values[plain ?? braced] ?? {};
    if (!shown) return whole;
    return format === 'queryparam' ? shown.map((value) => `var-${braced}=${encodeURIComponent(value)}`).join('&') : shown.join(' + ');
  });
