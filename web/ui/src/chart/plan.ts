// What Munin's attributes say about a graph, as a plan to draw: which fields in which order, stacked upon what,
// mirrored below zero or not, in which colour, on which axis. Attributes are Munin's (its plugin reference).
import type { Scale } from '../format/number';
import type { Field, Service } from '../types';
import { evaluate } from './rpn';

export interface Curve {
	field: Field;
	label: string;
	/** 1 to 8: series colour; 0: grey, there are more than eight. */
	colour: number;
	kind: 'line' | 'area' | 'stack';
	/** A stack of lines has no fill. */
	filled: boolean;
	width: number;
	/** Drawn below zero. */
	mirrored: boolean;
}

export interface Axis {
	least: number | null;
	most: number | null;
	/** The limits cut what lies beyond. */
	rigid: boolean;
	logarithmic: boolean;
	scale: Scale;
	/** Follows every number: `%` or nothing. */
	suffix: string;
	/** The unit in words, over the plot. */
	label: string;
}

export interface Plan {
	curves: Curve[];
	axis: Axis;
	mirrored: boolean;
}

const colours = 8;

/** Field names in the order in which they are drawn: graph_order first (`a=b:c` names a), then the rest. */
function inOrder(service: Service): Field[] {
	const order = (Array.isArray(service.order) ? service.order : service.order.split(/\s+/)).map((o) => o.split('=')[0]);
	const named = order.flatMap((name) => service.fields.find((f) => f.field === name) ?? []);
	return [...new Set([...named, ...service.fields])];
}

interface Draw {
	kind: Curve['kind'];
	filled: boolean;
	width: number;
}

function drawOf(text: string, stackBegun: boolean): Draw {
	const draw = (text || 'LINE1').toUpperCase();
	const width = Number(/^LINE(?:STACK)?(\d+(?:\.\d+)?)/.exec(draw)?.[1] ?? 1);
	if (draw === 'AREA') {
		return { kind: 'area', filled: true, width: 0 };
	}
	if (draw === 'STACK') {
		return { kind: 'stack', filled: true, width: 0 };
	}
	if (draw === 'AREASTACK') {
		return { kind: stackBegun ? 'stack' : 'area', filled: true, width: 0 };
	}
	if (draw.startsWith('LINESTACK')) {
		return { kind: stackBegun ? 'stack' : 'line', filled: false, width };
	}
	return { kind: 'line', filled: false, width };
}

/** The number behind an option of rrdtool's command line, in its long or short form. */
function option(args: string, ...names: string[]): number | null {
	for (const name of names) {
		const m = new RegExp(`(?:^|\\s)${name}(?:\\s+|=)(\\S+)`).exec(args);
		const v = m ? Number(m[1]) : NaN;
		if (Number.isFinite(v)) {
			return v;
		}
	}
	return null;
}

export function vlabel(service: Service): string {
	return service.vlabel.replaceAll('${graph_period}', service.period || 'second');
}

function axisOf(service: Service): Axis {
	const { args } = service;
	const label = vlabel(service);
	const percent = /^\s*%/.test(label);
	return {
		least: option(args, '--lower-limit', '-l'),
		most: option(args, '--upper-limit', '-u'),
		rigid: /(^|\s)(--rigid|-r)(\s|$)/.test(args),
		logarithmic: /(^|\s)(--logarithmic|-o)(\s|$)/.test(args),
		scale: { base: option(args, '--base', '-b') === 1024 ? 1024 : 1000, prefixes: service.scale && !percent },
		suffix: percent ? '%' : '',
		label,
	};
}

export function planOf(service: Service): Plan {
	const fields = inOrder(service);
	const byName = new Map(fields.map((f) => [f.field, f]));
	const curves: Curve[] = [];
	const add = (field: Field, draw: Draw, label: string, mirrored: boolean) => {
		const n = curves.length + 1;
		curves.push({ field, label, colour: n > colours ? 0 : n, mirrored, ...draw });
	};
	let stackBegun = false;
	for (const field of fields.filter((f) => f.graph)) {
		const draw = drawOf(field.draw, stackBegun);
		const name = field.label || field.field;
		const below = byName.get(field.negative);
		stackBegun ||= draw.kind !== 'line' || /STACK/i.test(field.draw);
		if (below) {
			const own = /^(dummy|invisible)$/i.test(below.label) ? name : below.label || below.field; /* so plugins call what has no legend */
			add(below, draw, `${own} (\u2212)`, true);
		}
		add(field, draw, below ? `${name} (+)` : name, false);
	}
	return { curves, axis: axisOf(service), mirrored: curves.some((c) => c.mirrored) };
}

/** A limit lies in the field's own scale; what is drawn may have been converted. */
export function drawnLimit(field: Field, value: number): number {
	const v = field.cdef ? evaluate(field.cdef, (name) => (name === field.field ? value : undefined)) : value;
	return v ?? value;
}
