// What is inside a panel. Grafana's own components where the packages have one, else those of bands.jsx and heat.jsx.
import React from 'react';
import { FieldType, VizOrientation, getFieldDisplayValues } from '@grafana/data';
import { BigValue, Table, TimeSeries, VizRepeater } from '@grafana/ui';
import { Bands } from './bands.jsx';
import { Heat } from './heat.jsx';

const isEmpty = (frames) => !frames.some(({ fields, length }) => length && fields.some(({ type }) => type !== FieldType.time));

export function Drawn(props) {
  const Kind = KINDS[props.panel.type];
  if (!Kind) throw new Error(`nothing draws a panel of the type ${props.panel.type}`);
  const wordsOfItsOwn = props.panel.type === 'stat';
  return !wordsOfItsOwn && isEmpty(props.frames) ? <NoData {...props} /> : <Kind {...props} />;
}

const NoData = ({ height, panel, theme, width }) => (
  <div
    className="no-data"
    style={{ alignItems: 'center', color: theme.colors.text.secondary, display: 'flex', fontSize: 18, height, justifyContent: 'center', width }}
  >
    {panel.fieldConfig.defaults.noValue ?? 'No data'}
  </div>
);

function Stat({ frames, height, panel, replace, theme, width }) {
  const { colorMode, graphMode, justifyMode = 'auto', reduceOptions, text, textMode = 'auto', wideLayout = true } = panel.options;
  const values = getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig,
    reduceOptions,
    replaceVariables: replace,
    sparkline: graphMode !== 'none',
    theme,
    timeZone: 'utc',
  });
  const big = { colorMode, graphMode, justifyMode, text, textMode, theme, wideLayout };
  return (
    <VizRepeater
      autoGrid
      getValues={() => values}
      height={height}
      itemSpacing={3}
      orientation={VizOrientation.Auto}
      renderCounter={0}
      renderValue={({ count, height: high, value, width: wide }) => (
        <BigValue {...big} count={count} height={high} sparkline={value.sparkline} value={value.display} width={wide} />
      )}
      source={frames}
      width={width}
    />
  );
}

const Lines = ({ frames, height, panel, range, width }) => (
  <TimeSeries
    frames={frames}
    height={height}
    legend={panel.options.legend}
    options={panel.options}
    structureRev={1}
    timeRange={range.grafana}
    timeZone="utc"
    width={width}
  />
);

const Grid = ({ frames, height, panel, range, width }) => (
  <div style={{ height, position: 'relative', width }}>
    <Table
      cellHeight={panel.options.cellHeight}
      data={frames[0]}
      fieldConfig={panel.fieldConfig}
      footerOptions={panel.options.footer}
      height={height}
      initialSortBy={panel.options.sortBy}
      noHeader={panel.options.showHeader === false}
      onCellFilterAdded={() => undefined}
      resizable
      showTypeIcons={false}
      timeRange={range.grafana}
      width={width}
    />
  </div>
);

const KINDS = { heatmap: Heat, stat: Stat, 'state-timeline': Bands, table: Grid, timeseries: Lines };
