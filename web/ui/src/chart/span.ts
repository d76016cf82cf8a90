// The span of time a page shows lives in its URL: `period=day` up to now, `period=day&to=T` shifted, or `from=T&to=T`
// as zoomed; T in epoch seconds.
import { parameter, withParameters } from '../router';
import { serverNow } from '../state/clock';
import { near } from '../format/time';

export const periods = ['hour', 'day', 'week', 'month', 'year'] as const;

export type Period = (typeof periods)[number];

export const periodSeconds: Record<Period, number> = {
	hour: 3600, day: 86400, week: 7 * 86400, month: 30 * 86400, year: 365 * 86400,
};

export interface Span {
	/** Epoch seconds. */
	from: number;
	to: number;
	/** One of the named spans; null: a zoomed one. */
	period: Period | null;
	/** Ends now and moves on. */
	live: boolean;
	/** Of a host that is new here: an hour shows what there is so far instead of mostly nothing. */
	young: boolean;
}

/** A span whose end is so near to now, as a part of its length, ends now. */
const nearNow = 0.02;
const shortestS = 60;
const longestS = 20 * 365 * 86400;

function number(name: string): number | null {
	const text = parameter(name);
	const v = text === null || text.trim() === '' ? NaN : Number(text);
	return Number.isFinite(v) && v > 0 ? Math.round(v) : null;
}

const youngHours = 2;

/** A host whose strip of 24 hours has hardly begun. */
function isYoung(strip: string): boolean {
	return [...strip].filter((letter) => letter !== '-').length <= youngHours;
}

/**
 * The span the address names; what it leaves out is a day up to now, or an hour of a host that is new here (its strip of
 * 24 hours says so).
 */
export function spanOfAddress(strip: string): Span {
	const to = number('to');
	const from = number('from');
	const now = Math.floor(serverNow() / 1000);
	const young = isYoung(strip);
	if (from !== null && to !== null && to - from >= shortestS && to - from <= longestS) {
		return { from, to, period: null, live: false, young: false };
	}
	const period = periods.find((p) => p === parameter('period')) ?? (young ? 'hour' : 'day');
	const end = to ?? now;
	return { from: end - periodSeconds[period], to: end, period, live: to === null, young: young && period === 'hour' };
}

/** Address of the same page for a named span up to now. */
export function toPeriod(period: Period): string {
	return withParameters({ period, from: null, to: null });
}

/** Address of the same page for any span; one that ends in the future ends now. */
export function toSpan(from: number, to: number): string {
	const now = Math.floor(serverNow() / 1000);
	const length = Math.min(longestS, Math.max(shortestS, Math.round(to - from)));
	const end = Math.min(Math.round(to), now);
	return withParameters({ period: null, from: String(end - length), to: String(end) });
}

/** Address of the span earlier (-1) or later (1) by half of its length. */
export function shifted(span: Span, by: -1 | 1): string {
	const half = Math.round((span.to - span.from) / 2) * by;
	const now = Math.floor(serverNow() / 1000);
	if (span.period) {
		const to = span.to + half;
		const atEnd = to >= now - (span.to - span.from) * nearNow;
		return withParameters({ period: span.period, from: null, to: atEnd ? null : String(to) });
	}
	return toSpan(span.from + half, span.to + half);
}

/** `Thu 03:14 – now` */
export function spanWords(span: Span): string {
	const now = serverNow();
	return `${near(span.from * 1000, now)} – ${span.live ? 'now' : near(span.to * 1000, now)}`;
}

const steps = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

/** Seconds between two points so that there are at most about two for each pixel of `width`. */
export function stepFor(span: Span, width: number): number {
	const least = (span.to - span.from) / Math.max(100, width * 1.5);
	return steps.find((s) => s >= least) ?? 86400;
}
