// From curves to the arrays uPlot draws: it does not stack, so stacks are summed here, and what is mirrored is negated.
import type { PlotCurve, PlotSpec, Values } from './spec';

export interface Layer {
	curve: PlotCurve;
	/** Upper edge, as drawn. */
	top: Values;
	/** Lower edge of a stacked layer; null: zero, or no fill. */
	base: number | null;
	/** Edges of the band of extremes; null: none. */
	band: [Values, Values] | null;
}

const bandsMax = 4;

function signed(values: Values, mirrored: boolean): Values {
	return mirrored ? values.map((v) => (v === null ? null : -v)) : values;
}

/** A layer upon another: a gap in one counts as zero unless both have it. */
function upon(values: Values, below: Values): Values {
	return values.map((v, i) => {
		const b = below[i] ?? null;
		return v === null && b === null ? null : (v ?? 0) + (b ?? 0);
	});
}

function fitted(values: Values, length: number): Values {
	return values.length === length ? values : Array.from({ length }, (_, i) => values[i] ?? null);
}

/** Layers in the order of the curves; `base` is an index into the result. */
export function layersOf(spec: PlotSpec): Layer[] {
	const layers: Layer[] = [];
	const last: Record<'above' | 'below', number | null> = { above: null, below: null };
	const bands = spec.curves.length <= bandsMax && spec.curves.every((c) => c.kind === 'line');
	for (const curve of spec.curves) {
		const side = curve.mirrored ? 'below' : 'above';
		const own = signed(fitted(curve.values, spec.x.length), curve.mirrored);
		const base = curve.kind === 'stack' ? last[side] : null;
		const below = base === null ? null : layers[base];
		const band: Layer['band'] = bands && curve.least && curve.most
			? [signed(fitted(curve.least, spec.x.length), curve.mirrored), signed(fitted(curve.most, spec.x.length), curve.mirrored)]
			: null;
		layers.push({ curve, top: below ? upon(own, below.top) : own, base, band });
		last[side] = layers.length - 1;
	}
	return layers;
}

/** Spans of epoch seconds in which no curve has a value, up to what is known. */
export function gapsOf(spec: PlotSpec): [number, number][] {
	const gaps: [number, number][] = [];
	const end = Math.min(spec.to, spec.now - 2 * spec.step);
	let from: number | null = spec.from;
	spec.x.forEach((t, i) => {
		if (spec.curves.some((c) => (c.values[i] ?? null) !== null)) {
			if (from !== null && t - spec.step > from) {
				gaps.push([from, t - spec.step]);
			}
			from = null;
		} else {
			from ??= t - spec.step;
		}
	});
	if (from !== null && end > from) {
		gaps.push([from, end]);
	}
	return gaps.filter(([a, b]) => b > spec.from && a < spec.to && b - a >= spec.step);
}
