// The chart as numbers: what a canvas cannot say to those who do not see it.
import { quantity } from '../format/number';
import { date, seconds } from '../format/time';
import type { Plan } from './plan';
import type { Table } from './source';

const rowsMax = 500;

/** Number of points up to the newest that has a value. */
function known(plan: Plan, table: Table): number {
	let length = Math.max(0, ...plan.curves.map((c) => table.average[c.field.id]?.length ?? 0));
	while (length > 0 && plan.curves.every((c) => (table.average[c.field.id]?.[length - 1] ?? null) === null)) {
		length--;
	}
	return length;
}

export function DataTable({ plan, table }: { plan: Plan; table: Table }) {
	const length = known(plan, table);
	const shown = Math.min(rowsMax, length);
	const rows = Array.from({ length: shown }, (_, i) => length - 1 - i);
	return (
		<section class="panel" aria-labelledby="data">
			<header>
				<h2 id="data">Values</h2>
				<span class="small muted">
					mean of each {table.step} s, newest first{length > shown ? `; ${shown} of ${length}, the export has all` : ''}
				</span>
			</header>
			<div class="scroll tall" role="region" aria-label="Values" tabIndex={0}>
				<table class="t">
					<thead>
						<tr>
							<th scope="col">Until</th>
							{plan.curves.map((c) => <th key={`${c.field.field}${c.mirrored}`} scope="col" class="num">{c.label}</th>)}
						</tr>
					</thead>
					<tbody>
						{rows.map((i) => {
							const t = (table.t0 + (i + 1) * table.step) * 1000;
							return (
								<tr key={t}>
									<th scope="row">{date(t)} {seconds(t)}</th>
									{plan.curves.map((c) => (
										<td key={`${c.field.field}${c.mirrored}`} class="num">
											{quantity(table.average[c.field.id]?.[i], plan.axis.scale)}
										</td>
									))}
								</tr>
							);
						})}
					</tbody>
				</table>
			</div>
		</section>
	);
}
