// A small table of sums, such as one row a project. All its rows are there, so it sorts by itself.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ARROW, Icon } from "./icon";

export interface Column<T> {
  title: string;
  /** What sorts: a text upwards, a number downwards at first. */
  value: (row: T) => string | number;
  cell: (row: T) => ComponentChildren;
  right?: boolean;
}

export function PlainTable<T>({ label, columns, rows, keyOf }: {
  label: string; columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string;
}) {
  const [sort, setSort] = useState<{ at: number; down: boolean }>({ at: 0, down: false });
  const by = columns[sort.at];
  const sorted = [...rows].sort((one, other) => {
    const [a, b] = [by?.value(one) ?? 0, by?.value(other) ?? 0];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    return sort.down ? -order : order;
  });
  return (
    <div class="scroller" tabIndex={0} role="region" aria-label={label}>
      <table class="plain">
        <thead>
          <tr>{columns.map((column, at) => {
            const order = sort.at === at ? (sort.down ? "descending" : "ascending") : "none";
            const turn = () => setSort({ at, down: sort.at === at ? !sort.down : column.right === true });
            return (
              <th scope="col" key={column.title} class={column.right ? "right" : ""} aria-sort={order}>
                <button type="button" onClick={turn}>{column.title}<span class={`arrow ${order}`}><Icon path={ARROW} /></span></button>
              </th>
            );
          })}</tr>
        </thead>
        <tbody>{sorted.map((row) => (
          <tr key={keyOf(row)}>{columns.map((column) => <td key={column.title} class={column.right ? "right" : ""}>{column.cell(row)}</td>)}</tr>
        ))}</tbody>
      </table>
    </div>
  );
}
