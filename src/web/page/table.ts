import { type Html, type HtmlValue, html } from './html.ts';

/** A cell; on a narrow screen its label stands before it. */
export interface Cell {
  readonly label: string;
  readonly value: HtmlValue;
  /** `number`: aligned to the right; `long`: may wrap. */
  readonly className?: 'number' | 'long';
}

/** The head of a table. Roles are explicit: a narrow screen shows tables as blocks, which would drop them. */
export function tableHead(titles: readonly string[], numbers: readonly string[]): Html {
  const cells = titles.map((title) => {
    const className = numbers.includes(title) ? html` class="number"` : undefined;
    return html`<th scope="col" role="columnheader"${className}>${title}</th>`;
  });
  return html`<thead role="rowgroup"><tr role="row">
${cells}
</tr></thead>`;
}

/** One row, which begins with a name of somebody else's choice. */
export function tableRow(name: string, cells: readonly Cell[]): Html {
  return html`<tr role="row"><th scope="row" role="rowheader"><bdi>${name}</bdi></th>
${cells.map(formatCell)}
</tr>`;
}

function formatCell({ label, value, className }: Cell): Html {
  const style = className === undefined ? undefined : html` class="${className}"`;
  return html`<td role="cell" data-label="${label}"${style}><div>${value}</div></td>`;
}
