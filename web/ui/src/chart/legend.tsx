// Munin's table under the graph: what each line is and what it was, and the limits it is judged by.
import type { Signal } from '@preact/signals';
import { Mark } from '../components/mark';
import { levelClass, rank } from '../format/level';
import { quantity } from '../format/number';
import { near } from '../format/time';
import { now } from '../state/clock';
import { alerts } from '../state/store';
import type { Field, Level, Limit } from '../types';
import { drawnLimit, type Axis, type Curve, type Plan } from './plan';
import { summarize, type Table } from './source';

interface Props {
	host: string;
	plan: Plan;
	table: Table | null;
	hidden: ReadonlySet<string>;
	toggle: (field: string) => void;
	/** The point under the cursor, shown in place of the newest. */
	at: Signal<number | null>;
	/** Rows shown at most; the rest is counted and linked. */
	rows: number;
	more: string;
	/** No room for limits. */
	narrow?: boolean;
}

/** The set of hidden fields with one of them switched. */
export function toggled(hidden: ReadonlySet<string>, field: string): ReadonlySet<string> {
	const next = new Set(hidden);
	if (!next.delete(field)) {
		next.add(field);
	}
	return next;
}

/** Sample swatch, in line or area as the curve is drawn. */
function Swatch({ curve: c }: { curve: Curve }) {
	const kind = c.colour === 0 ? 's0' : `s${c.colour}`;
	return c.filled
		? <svg class={`sw area ${kind}`} aria-hidden="true"><rect width="18" height="10" rx="1" /></svg>
		: <svg class={`sw ${kind}`} aria-hidden="true"><path d="M0 5h18" /></svg>;
}

function levelOf(host: string, id: string): Level {
	let found: Level = 'ok';
	for (const a of alerts.value.values()) {
		if (a.host === host && `${a.host}:${a.service}:${a.field}` === id && a.state !== 'pending' && !a.suppressed_by
			&& rank(a.level) < rank(found)) {
			found = a.level;
		}
	}
	return found;
}

/** One limit of each level and side: the nearest, which is met first. */
export function shownLimits(field: Field): Limit[] {
	const found = new Map<string, Limit>();
	for (const l of field.limits) {
		const key = `${l.level} ${l.below}`;
		const other = found.get(key);
		if (!other || (l.below ? l.value > other.value : l.value < other.value)) {
			found.set(key, l);
		}
	}
	return [...found.values()].sort((a, b) => rank(b.level) - rank(a.level));
}

export function Limits({ field, axis }: { field: Field; axis: Axis }) {
	return (
		<>
			{shownLimits(field).map((l) => (
				<span key={`${l.level}${l.below}`} class="lim" title={`rule ${l.rule}`}>
					<Mark level={l.level} /><span class="hide">{l.level}</span> {l.below ? '<' : '>'}{' '}
					{quantity(drawnLimit(field, l.value), axis.scale)}{' '}
				</span>
			))}
		</>
	);
}

function Row({ curve: c, props: p, limits }: { curve: Curve; props: Props; limits: boolean }) {
	const { scale } = p.plan.axis;
	const s = p.table ? summarize(p.table, c.field.id) : null;
	const level = levelOf(p.host, c.field.id);
	const at = p.at.value;
	const shown = at === null || !p.table ? s?.now : p.table.average[c.field.id]?.[at];
	const on = !p.hidden.has(c.field.field);
	return (
		<tr class={levelClass[level]}>
			<th scope="row">
				<button class="tog" aria-pressed={on} title={c.field.info || undefined} onClick={() => p.toggle(c.field.field)}>
					<Swatch curve={c} /><span>{c.label}</span>
				</button>
			</th>
			<td class="now">{(level !== 'ok' || limits) && <><Mark level={level} /> </>}{quantity(shown, scale)}</td>
			<td>{quantity(s?.least, scale)}</td>
			<td>{quantity(s?.average, scale)}</td>
			<td>{quantity(s?.most, scale)}</td>
			{limits && <td class="lims"><Limits field={c.field} axis={p.plan.axis} /></td>}
		</tr>
	);
}

export function Legend(props: Props) {
	const { plan, table, at, rows, more } = props;
	const limits = !props.narrow && plan.curves.some((c) => c.field.limits.length > 0);
	const rest = plan.curves.length > rows + 1 ? plan.curves.length - rows : 0;
	const shown = rest > 0 ? plan.curves.slice(0, rows) : plan.curves;
	const when = at.value !== null && table ? near((table.t0 + (at.value + 1) * table.step) * 1000, now.peek()) : null;
	return (
		<table class="legend">
			<thead>
				<tr>
					<th scope="col"><span class="hide">Series</span></th><th scope="col">{when ?? 'cur'}</th><th scope="col">min</th>
					<th scope="col">avg</th><th scope="col">max</th>{limits && <th scope="col" class="lims">limits</th>}
				</tr>
			</thead>
			<tbody>
				{shown.map((c) => <Row key={`${c.field.field}${c.mirrored}`} curve={c} props={props} limits={limits} />)}
				{rest > 0 && (
					<tr><th scope="row" colSpan={limits ? 6 : 5}><a href={more}>and {rest} more</a></th></tr>
				)}
			</tbody>
		</table>
	);
}
