// From what is known of a graph to what is drawn: numbers, limits and alerts of one moment.
import { levelClass } from '../format/level';
import { age, moment } from '../format/time';
import type { Alert, Level, Mark, Service } from '../types';
import { serverNow } from '../state/clock';
import { shownLimits } from './legend';
import { drawnLimit, type Plan } from './plan';
import type { Span } from './span';
import type { Table } from './source';
import type { PlotLimit, PlotMark, PlotSpec } from './spec';

export interface Picture {
	plan: Plan;
	service: Service;
	table: Table;
	span: Span;
	hidden: ReadonlySet<string>;
	alerts: Alert[];
	marks: Mark[];
	fit: PlotSpec['fit'];
	height: number;
	notes: boolean;
	zoomable: boolean;
	/** Words upon limit lines. */
	limitWords: boolean;
}

function kind(level: Level): PlotLimit['level'] {
	const k = levelClass[level];
	return k === 'warn' || k === 'crit' || k === 'unknown' ? k : 'info';
}

/** Limits of the curves that are shown; the same one of many fields is drawn once. */
function limitsOf(p: Picture): PlotLimit[] {
	const found = new Map<string, PlotLimit>();
	for (const c of p.plan.curves) {
		for (const l of p.hidden.has(c.field.field) || c.kind === 'stack' ? [] : shownLimits(c.field)) {
			const drawn = drawnLimit(c.field, l.value) * (c.mirrored ? -1 : 1);
			const below = c.mirrored ? !l.below : l.below;
			const label = p.limitWords ? `${l.level} ${l.below ? 'below' : 'above'} ${l.value}${p.plan.axis.suffix ? ` ${p.plan.axis.suffix}` : ''}` : '';
			found.set(`${l.level} ${below} ${drawn}`, { level: kind(l.level), below, value: drawn, label });
		}
	}
	return [...found.values()];
}

/** What is over, and what people noted. What goes on is known from the alerts, and from them at once. */
function pastOf(p: Picture): PlotMark[] {
	const past = p.marks.filter((m) => m.kind === 'annotation' || (m.to !== null && m.service !== null && m.level !== 'notice'));
	const words = past.length <= 12;
	return past.map((m) => {
		const from = moment(m.from) / 1000;
		const to = m.to === null ? from : moment(m.to) / 1000;
		const noted = m.kind === 'annotation';
		return { from, to, label: noted && words ? m.text : '', level: noted ? 'info' : kind(m.level ?? 'unknown') };
	});
}

function marksOf(p: Picture, now: number): PlotMark[] {
	return pastOf(p).concat(p.alerts.filter((a) => a.state !== 'pending' && !a.suppressed_by && a.level !== 'notice').map((a) => {
		const since = moment(a.since) / 1000;
		return { from: since, to: now, label: `${a.rule} ${age((now - since) * 1000)}`, level: kind(a.level) };
	}));
}

/** The window that is drawn: one that ends now moves on with the clock. */
export function windowOf(span: Span): { from: number; to: number } {
	if (!span.live) {
		return span;
	}
	const to = Math.floor(serverNow() / 1000);
	return { from: to - (span.to - span.from), to };
}

const youngLeastS = 300;

/** Of a host that is new here: from its first value on, but five minutes at least. */
function begin(p: Picture, from: number, to: number): number {
	if (!p.span.young || !p.span.live) {
		return from;
	}
	const { t0, step, average } = p.table;
	const first = Math.min(...p.plan.curves.map((c) => {
		const i = (average[c.field.id] ?? []).findIndex((v) => v !== null);
		return i < 0 ? Infinity : t0 + i * step;
	}));
	return Math.max(from, Math.min(first, to - youngLeastS));
}

export function specOf(p: Picture): PlotSpec {
	const { table } = p;
	const now = Math.floor(serverNow() / 1000);
	const length = Math.max(0, ...p.plan.curves.map((c) => table.average[c.field.id]?.length ?? 0));
	const { from, to } = windowOf(p.span);
	return {
		x: Array.from({ length }, (_, i) => table.t0 + (i + 1) * table.step), step: table.step, now, from: begin(p, from, to), to,
		curves: p.plan.curves.filter((c) => !p.hidden.has(c.field.field)).map((c) => ({
			values: table.average[c.field.id] ?? [], least: table.least[c.field.id] ?? null, most: table.most[c.field.id] ?? null,
			colour: c.colour, kind: c.kind, filled: c.filled, width: c.width, mirrored: c.mirrored,
		})),
		axis: p.plan.axis, fit: p.fit, limits: limitsOf(p), marks: marksOf(p, now), height: p.height, zoomable: p.zoomable,
		notes: p.notes,
	};
}
