// The heatmap, which Grafana has in its program and not in its packages: a row for each bucket.
import React from 'react';
import { FieldType, formattedValueToString, getDisplayProcessor } from '@grafana/data';
import { BOTTOM, Times, fontOf, placed } from './axis.jsx';

const LEFT = 56;
const TOP = 8;

export function Heat({ frames, height, panel, range, theme, width }) {
  const { color, yAxis } = panel.options;
  const display = getDisplayProcessor({ field: { config: { unit: yAxis.unit }, type: FieldType.number }, theme });
  const most = Math.max(...frames.flatMap(({ fields: [, { values }] }) => values));
  const tall = height - BOTTOM;
  const row = (tall - TOP) / frames.length;
  const at = placed(range, LEFT, width - LEFT - 8);
  const shade = (share) => `hsl(28, 90%, ${theme.isDark ? 12 + 50 * share : 95 - 50 * share}%)`;
  return (
    <svg height={height} style={fontOf(theme)} width={width}>
      {frames.map(({ fields: [time, value] }, place) => {
        const top = tall - (place + 1) * row;
        const wide = at(range.from + time.config.interval) - LEFT;
        const { le } = value.labels;
        return (
          <g key={le}>
            <text fill={theme.colors.text.primary} textAnchor="end" x={LEFT - 6} y={top + 4}>
              {le === '+Inf' ? le : formattedValueToString(display(Number(le)))}
            </text>
            {value.values.map((count, n) =>
              count > 0 ? <rect fill={shade((count / most) ** (color.exponent ?? 0.5))} height={row} key={n} width={Math.max(1, wide)} x={at(time.values[n])} y={top} /> : null
            )}
          </g>
        );
      })}
      <Times at={at} range={range} theme={theme} top={tall} />
    </svg>
  );
}
