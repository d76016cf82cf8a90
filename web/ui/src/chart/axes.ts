// Where the axes begin and end, and what stands beside them.
import { quantity } from '../format/number';
import { clock, dayOfMonth, seconds } from '../format/time';
import type { PlotSpec } from './spec';

const day = 86400;
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short' });
const month = new Intl.DateTimeFormat('en-GB', { month: 'short' });

function xLabel(t: number, increment: number, spanS: number): string {
	const ms = t * 1000;
	const d = new Date(ms);
	const midnight = d.getHours() === 0 && d.getMinutes() === 0 && d.getSeconds() === 0;
	if (increment >= 28 * day) {
		return d.getMonth() === 0 ? String(d.getFullYear()) : month.format(ms);
	}
	if (increment >= day || midnight) {
		return spanS > 20 * day ? dayOfMonth(ms) : `${weekday.format(ms)} ${d.getDate()}`;
	}
	return increment < 60 ? seconds(ms) : clock(ms);
}

/** The words under the x axis. */
export function xLabels(splits: number[], increment: number, spanS: number): string[] {
	return splits.map((t) => xLabel(t, increment, spanS));
}

/** The least round number that is at least `raw`: 1, 2, 2.5 or 5 times a power of ten, or a power of two. */
function roundUp(raw: number, base: 1000 | 1024): number {
	if (base === 1024 && raw >= 1) {
		return 2 ** Math.ceil(Math.log2(raw));
	}
	const unit = 10 ** Math.floor(Math.log10(raw));
	return unit * ([1, 2, 2.5, 5, 10].find((m) => m * unit >= raw * 0.9999) ?? 10);
}

/** A round number that divides a range whose ends are fixed, near `raw`. */
function dividing(range: number, raw: number, base: 1000 | 1024): number {
	const parts = Math.max(2, Math.round(range / raw));
	for (const n of [parts, parts + 1, parts - 1, parts + 2, parts - 2]) {
		const increment = range / n;
		if (n > 1 && roundUp(increment, base) <= increment * 1.0001) {
			return increment;
		}
	}
	return roundUp(raw, base);
}

export interface YAxis {
	least: number;
	most: number;
	increment: number;
}

/** Limits are part of the picture unless they lie far beyond the values. */
function withLimits(spec: PlotSpec, low: number, high: number): [number, number] {
	let [l, h] = [low, high];
	const reach = Math.max(high - low, Math.abs(high) * 0.6);
	for (const { value } of spec.limits) {
		if (value > high && value - high <= reach) {
			h = Math.max(h, value + (value - low) * 0.04);
		} else if (value < low && low - value <= reach) {
			l = Math.min(l, value);
		}
	}
	return [l, h];
}

/** The y axis for values between `dataLeast` and `dataMost`; both null when there are none. */
export function yAxis(spec: PlotSpec, dataLeast: number | null, dataMost: number | null): YAxis {
	const { axis, fit } = spec;
	let [low, high] = withLimits(spec, dataLeast ?? 0, dataMost ?? 0);
	const fills = spec.curves.some((c) => c.filled || c.mirrored);
	if (fit !== 'fit' && (fills || fit === 'zero' || (low > 0 && low < high * 0.4))) {
		[low, high] = [Math.min(0, low), Math.max(0, high)];
	}
	if (fit === 'given') {
		low = axis.least === null ? low : axis.rigid ? axis.least : Math.min(low, axis.least);
		high = axis.most === null ? high : axis.rigid ? axis.most : Math.max(high, axis.most);
	}
	if (high <= low) {
		const around = Math.abs(high) * 0.1 || 1;
		[low, high] = [low >= 0 && low - around < 0 ? 0 : low - around, high + around];
	}
	const ticks = Math.max(2, Math.min(6, Math.round(spec.height / 48)));
	const pinned = fit === 'given' && axis.rigid;
	const base = axis.scale.prefixes ? axis.scale.base : 1000;
	const raw = (high - low) / ticks;
	const increment = pinned && axis.least !== null && axis.most !== null ? dividing(high - low, raw, base) : roundUp(raw, base);
	return {
		least: pinned && axis.least !== null ? axis.least : Math.floor(low / increment + 1e-9) * increment,
		most: pinned && axis.most !== null ? axis.most : Math.ceil(high / increment - 1e-9) * increment,
		increment,
	};
}

export function ySplits(y: YAxis): number[] {
	const splits: number[] = [];
	for (let i = Math.ceil(y.least / y.increment - 1e-9); i * y.increment <= y.most + y.increment * 1e-9; i++) {
		splits.push(i * y.increment);
	}
	return splits;
}

/** On a logarithmic axis only powers of ten have a line and a word. */
export function powersOfTen(least: number, most: number): number[] {
	const splits: number[] = [];
	for (let p = Math.ceil(Math.log10(least) - 1e-9); 10 ** p <= most * 1.0001; p++) {
		splits.push(10 ** p);
	}
	return splits;
}

/** The words beside the y axis: what is mirrored is counted away from zero. */
export function yLabels(spec: PlotSpec, splits: number[]): string[] {
	const mirrored = spec.curves.some((c) => c.mirrored);
	return splits.map((v) => {
		const text = quantity(mirrored ? Math.abs(v) : v, spec.axis.scale);
		return spec.axis.suffix ? `${text}\u00a0${spec.axis.suffix}` : text;
	});
}
