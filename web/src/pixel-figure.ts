/** A small symmetric figure that stands for a member wherever it is shown. */
import { makeSvg } from "./dom.ts";

const SIZE = 5;

export function pixelFigureOf(member: string): SVGSVGElement {
  const hash = hashOf(member);
  let path = "";
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < 3; column++) {
      // The middle is always there, so that no figure falls apart into specks.
      const lit = (column === 2 && row > 0 && row < 4) || (hash >>> (row * 3 + column)) & 1;
      if (!lit) continue;
      path += cell(column, row);
      if (column < 2) path += cell(SIZE - 1 - column, row);
    }
  }
  const svg = makeSvg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "invader", "aria-hidden": "true" });
  svg.append(makeSvg("path", { d: path, fill: `hsl(${(hash >>> 15) % 360} 70% 70%)` }));
  return svg;
}

function cell(column: number, row: number): string {
  return `M${column} ${row}h1v1h-1z`;
}

/** FNV-1a with a final mix: names that differ in one letter look nothing alike. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
