// The time axis and the words of the drawings that are ours.
import React from 'react';

export const BOTTOM = 22;
const TICKS = [0, 1, 2, 3, 4, 5, 6];

export const placed = ({ from, to }, left, width) => (time) => left + ((time - from) / (to - from)) * width;

export function Times({ at, range, theme, top }) {
  return TICKS.map((tick) => {
    const time = range.from + ((range.to - range.from) * tick) / 6;
    const anchor = tick === 0 ? 'start' : tick === 6 ? 'end' : 'middle';
    return (
      <text fill={theme.colors.text.primary} key={tick} textAnchor={anchor} x={at(time)} y={top + 16}>
        {new Date(time).toISOString().slice(11, 16)}
      </text>
    );
  });
}

export const fontOf = (theme) => ({ display: 'block', fontFamily: theme.typography.fontFamily, fontSize: 12 });

const canvas = document.createElement('canvas').getContext('2d');

export function widthOf(text) {
  canvas.font = '12px Inter';
  return canvas.measureText(text).width;
}

/** The text as it fits, with an ellipsis where something had to go. */
export function fitting(text, width) {
  if (widthOf(text) <= width) return text;
  let end = text.length;
  while (end > 1 && widthOf(`${text.slice(0, end)}…`) > width) end -= 1;
  return `${text.slice(0, end)}…`;
}
