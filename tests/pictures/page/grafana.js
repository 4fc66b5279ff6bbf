// What Grafana fills in when it starts, and its packages expect: the options of fields, the transformations.
import {
  FieldConfigOptionsRegistry,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';

const OF_EVERY_FIELD = [
  'color', 'decimals', 'description', 'displayName', 'fieldMinMax', 'filterable', 'links', 'mappings', 'max', 'min',
  'noValue', 'thresholds', 'unit',
];

// Options of the panels' own, which are called `custom.` in a dashboard, and what they are where it says nothing.
const OF_LINES = {
  axisBorderShow: false,
  axisCenteredZero: false,
  axisColorMode: 'text',
  axisGridShow: undefined,
  axisLabel: '',
  axisPlacement: 'auto',
  axisSoftMax: undefined,
  axisSoftMin: undefined,
  axisWidth: undefined,
  barAlignment: 0,
  barMaxWidth: undefined,
  barWidthFactor: 0.6,
  drawStyle: 'line',
  fillBelowTo: undefined,
  fillOpacity: 0,
  gradientMode: 'none',
  hideFrom: { legend: false, tooltip: false, viz: false },
  insertNulls: false,
  lineInterpolation: 'linear',
  lineStyle: undefined,
  lineWidth: 1,
  pointSize: 5,
  scaleDistribution: { type: 'linear' },
  showPoints: 'auto',
  spanNulls: false,
  stacking: { group: 'A', mode: 'none' },
  thresholdsStyle: { mode: 'off' },
  transform: undefined,
};
const OWN = {
  heatmap: { hideFrom: { legend: false, tooltip: false, viz: false }, scaleDistribution: { type: 'linear' } },
  'state-timeline': { fillOpacity: 70, hideFrom: { legend: false, tooltip: false, viz: false }, lineWidth: 0 },
  table: {
    align: 'auto',
    cellOptions: { type: 'auto' },
    filterable: undefined,
    hidden: undefined,
    inspect: false,
    minWidth: undefined,
    width: undefined,
  },
  timeseries: OF_LINES,
};

const option = (id, isCustom) => ({
  id: isCustom ? `custom.${id}` : id,
  isCustom,
  name: id,
  path: id,
  editor: () => null,
  override: () => null,
  process: (value) => value,
  settings: {},
  shouldApply: () => true,
});

/** The options that a panel of this type knows; those that it does not know are passed over, as Grafana does. */
export function optionsOf(type) {
  const registry = new FieldConfigOptionsRegistry();
  OF_EVERY_FIELD.forEach((id) => registry.register(option(id, false)));
  Object.keys(OWN[type] ?? {}).forEach((id) => registry.register(option(id, true)));
  return registry;
}

/** A panel's field configuration with the defaults of its type. */
export function withDefaults({ fieldConfig, type }) {
  const { defaults, overrides } = structuredClone(fieldConfig);
  const told = Object.entries(OWN[type] ?? {}).filter(([, value]) => value !== undefined);
  return { defaults: { ...defaults, custom: { ...Object.fromEntries(told), ...defaults.custom } }, overrides };
}

export function begin() {
  const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
  standardTransformersRegistry.setInit(() =>
    [...transformers.values()].map((transformation) => ({
      editor: () => null,
      id: transformation.id,
      name: transformation.name,
      transformation,
    }))
  );
  standardFieldConfigEditorRegistry.setInit(() => OF_EVERY_FIELD.map((id) => option(id, false)));
  standardEditorsRegistry.setInit(() => []);
}
