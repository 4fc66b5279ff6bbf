// The state timeline, which Grafana has in its program and not in its packages.
import React from 'react';
import { FieldType, getFieldDisplayName } from '@grafana/data';
import { VizLegend } from '@grafana/ui';
import { BOTTOM, Times, fitting, fontOf, placed, widthOf } from './axis.jsx';

const LEGEND = 28;

export function Bands({ frames, height, panel, range, theme, width }) {
  const { legend, mergeValues, rowHeight = 0.9, showValue } = panel.options;
  const rows = frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    const others = frame.fields.filter((field) => field !== time);
    return others.map((field) => ({ name: getFieldDisplayName(field, frame, frames), bands: bandsOf(field, time, mergeValues) }));
  });
  const tall = height - BOTTOM - (legend.showLegend ? LEGEND : 0);
  const row = tall / rows.length;
  const left = Math.min(width * 0.4, Math.max(...rows.map(({ name }) => widthOf(name))) + 12);
  const at = placed(range, left, width - left - 8);
  const each = Math.max(1, Math.ceil(14 / row));
  const states = new Map(rows.flatMap(({ bands }) => bands.map(({ color, text }) => [text, color])));
  const opacity = panel.fieldConfig.defaults.custom.fillOpacity / 100;
  return (
    <div>
      <svg height={tall + BOTTOM} style={fontOf(theme)} width={width}>
        {rows.map(({ name, bands }, place) => (
          <g key={place}>
            {place % each === 0 ? (
              <text className="name" fill={theme.colors.text.primary} textAnchor="end" x={left - 8} y={(place + 0.5) * row + 4}>
                {fitting(name, left - 10)}
              </text>
            ) : null}
            {bands.map(({ begin, color, end, text }) => {
              const [x, until] = [Math.max(begin, range.from), Math.min(end, range.to)].map(at);
              const high = row * rowHeight;
              const said = showValue !== 'never' && high > 12 && widthOf(text) + 8 < until - x;
              return (
                <g key={begin}>
                  <rect fill={color} fillOpacity={opacity} height={high} width={Math.max(1, until - x)} x={x} y={place * row + (row - high) / 2} />
                  {said ? <text fill={theme.colors.getContrastText(color)} x={x + 4} y={(place + 0.5) * row + 4}>{text}</text> : null}
                </g>
              );
            })}
          </g>
        ))}
        <Times at={at} range={range} theme={theme} top={tall} />
      </svg>
      {legend.showLegend ? (
        <VizLegend displayMode="list" items={[...states].map(([label, color]) => ({ color, label, yAxis: 1 }))} placement={legend.placement} />
      ) : null}
    </div>
  );
}

// A value holds until the next one, a step at most.
function bandsOf(field, time, merged) {
  const step = time.config.interval;
  const bands = [];
  field.values.forEach((value, place) => {
    if (value == null) return;
    const begin = time.values[place];
    const end = Math.min(begin + step, time.values[place + 1] ?? Infinity);
    const last = bands.at(-1);
    if (merged && last?.value === value && begin - last.end < 1) last.end = end;
    else bands.push({ begin, end, value });
  });
  return bands.map((band) => ({ ...band, ...field.display(band.value) }));
}
