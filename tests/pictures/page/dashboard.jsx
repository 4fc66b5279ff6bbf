// A whole dashboard: its head, its variables, its panels in their places.
import React from 'react';
import { Icon, PanelChrome } from '@grafana/ui';
import { Drawn } from './kinds.jsx';
import { told } from './variables.js';

export const WIDTH = 1600;
const [EDGE, GAP, ROW, COLUMNS] = [16, 8, 38, 24];
const COLUMN = (WIDTH - 2 * EDGE + GAP) / COLUMNS;

/** Where a panel is, in pixels. */
export const placeOf = ({ gridPos: { h, w, x, y } }) => ({
  height: h * ROW - GAP,
  left: EDGE + x * COLUMN,
  top: y * ROW,
  width: w * COLUMN - GAP,
});

export function Dashboard({ dashboard, label, loaded, view }) {
  const { theme } = view;
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { h, y } }) => y + h));
  const colors = { background: theme.colors.background.canvas, color: theme.colors.text.primary };
  return (
    <main style={{ ...colors, fontFamily: theme.typography.fontFamily, width: WIDTH }}>
      <Head dashboard={dashboard} label={label} view={view} />
      <Bar dashboard={dashboard} view={view} />
      <div style={{ height: bottom * ROW + EDGE, position: 'relative' }}>
        {dashboard.panels.map((panel) =>
          panel.type === 'row' ? (
            <h2 key={panel.id} style={{ ...placeOf(panel), fontSize: 16, lineHeight: '30px', position: 'absolute' }}>
              <Icon name="angle-down" /> {told(panel.title, view.values)}
            </h2>
          ) : (
            <article data-panel={panel.id} key={panel.id} style={{ ...placeOf(panel), position: 'absolute' }}>
              <Framed loaded={loaded.get(panel.id)} panel={panel} view={view} />
            </article>
          )
        )}
      </div>
    </main>
  );
}

function Framed({ loaded, panel, view }) {
  const replace = (text) => told(text, view.values);
  const { height, width } = placeOf(panel);
  const links = panel.links?.length ? <span key="links" style={{ alignItems: 'center', display: 'flex', padding: '0 6px' }}><Icon name="external-link-alt" /></span> : null;
  return (
    <PanelChrome description={panel.description} height={height} padding="md" title={replace(panel.title)} titleItems={links} width={width}>
      {(wide, high) => (
        <Guard>
          {loaded.error ? (
            <Failed error={loaded.error} />
          ) : (
            <Drawn frames={loaded.frames} height={high} panel={loaded.panel} range={view.range} replace={replace} theme={view.theme} width={wide} />
          )}
        </Guard>
      )}
    </PanelChrome>
  );
}

const Failed = ({ error }) => <pre className="failed">{String(error)}</pre>;

class Guard extends React.Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  render() {
    return this.state.error ? <Failed error={this.state.error} /> : this.props.children;
  }
}

function Head({ dashboard, label, view: { range, theme } }) {
  const [from, to] = [range.from, range.to].map((time) => new Date(time).toISOString().slice(0, 16).replace('T', ' '));
  const line = { background: theme.colors.background.primary, borderBottom: `1px solid ${theme.colors.border.weak}` };
  return (
    <header style={{ ...line, display: 'flex', fontSize: 14, justifyContent: 'space-between', padding: `10px ${EDGE}px` }}>
      <span>Dashboards › {dashboard.title}</span>
      <span>{label ? `${label}, ` : ''}{from} to {to} UTC</span>
    </header>
  );
}

function Bar({ dashboard, view: { theme, values } }) {
  const box = { border: `1px solid ${theme.colors.border.weak}`, height: 32, lineHeight: '30px', padding: '0 8px' };
  const short = { maxWidth: 400, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' };
  return (
    <nav style={{ display: 'flex', flexWrap: 'wrap', fontSize: 14, gap: 8, padding: EDGE }}>
      {dashboard.templating.list.filter(({ hide }) => hide !== 2).map(({ hide, label, name }) => (
        <span key={name} style={{ display: 'flex' }}>
          {hide === 1 ? null : <span style={{ ...box, background: theme.colors.background.secondary, fontSize: 12 }}>{label || name}</span>}
          <span style={{ ...box, ...short, background: theme.colors.background.primary }}>{values[name].shown.join(' + ') || '—'}</span>
        </span>
      ))}
      <span style={{ flexGrow: 1 }} />
      {dashboard.links.map(({ asDropdown, title, type }, place) => (
        <span key={place} style={{ ...box, background: theme.colors.background.secondary }}>
          <Icon name={type === 'dashboards' ? 'apps' : 'external-link-alt'} /> {title} {asDropdown ? <Icon name="angle-down" /> : null}
        </span>
      ))}
    </nav>
  );
}
