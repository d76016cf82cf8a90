// Times in words: ages in one or two units, moments as short as they stay clear. Every moment is shown in the zone of
// the reader's browser, ages are counted by the server's clock (state/clock.ts).
import type { Moment } from '../types';

const nbsp = '\u00a0';
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Epoch milliseconds of a moment; NaN when there is none. Numbers below 1e11 are seconds. */
export function moment(m: Moment | undefined): number {
	if (m === null || m === undefined || m === '') {
		return NaN;
	}
	if (typeof m === 'number') {
		return m === 0 ? NaN : m < 1e11 ? m * 1000 : m;
	}
	return Date.parse(m);
}

/** `45 s`, `12 m`, `2 h 10 m`, `3 d`; a minus never appears: what lies ahead by a skewed clock is `0 s`. */
export function age(ms: number): string {
	if (!Number.isFinite(ms)) {
		return 'never';
	}
	if (ms < minute) {
		return `${Math.max(0, Math.floor(ms / second))}${nbsp}s`;
	}
	if (ms < hour) {
		return `${Math.floor(ms / minute)}${nbsp}m`;
	}
	if (ms < 2 * day) {
		return two(ms, hour, 'h', minute, 'm', 5 * hour);
	}
	return two(ms, day, 'd', hour, 'h', 2 * day);
}

/** The larger unit, and below `until` the smaller one too unless it is none. */
function two(ms: number, big: number, bigName: string, small: number, smallName: string, until: number): string {
	const whole = Math.floor(ms / big);
	const rest = Math.floor((ms - whole * big) / small);
	const head = `${whole}${nbsp}${bigName}`;
	return ms < until && rest > 0 ? `${head}${nbsp}${rest}${nbsp}${smallName}` : head;
}

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
	return new Intl.DateTimeFormat('en-GB', { hour12: false, ...options });
}

const clockFormat = format({ hour: '2-digit', minute: '2-digit' });
const secondsFormat = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const weekdayFormat = format({ weekday: 'short' });
const dateFormat = format({ weekday: 'short', day: 'numeric', month: 'short' });
const monthFormat = format({ day: 'numeric', month: 'short' });
const zoneFormat = format({ timeZoneName: 'short' });

export const zone: string = zoneFormat.formatToParts(0).find((p) => p.type === 'timeZoneName')?.value ?? '';

/** `03:14` */
export function clock(ms: number): string {
	return clockFormat.format(ms);
}

/** `03:14:20` */
export function seconds(ms: number): string {
	return secondsFormat.format(ms);
}

/** `Fri 20 Nov`, with the year when it is not this one. */
export function date(ms: number): string {
	const year = new Date(ms).getFullYear();
	const text = dateFormat.format(ms).replace(',', '');
	return year === new Date().getFullYear() ? text : `${text} ${year}`;
}

/** `20 Nov` */
export function dayOfMonth(ms: number): string {
	return monthFormat.format(ms);
}

/** The whole of it, for titles: `Fri 20 Nov 03:14:20 CET`. */
export function full(ms: number): string {
	return `${date(ms)} ${seconds(ms)} ${zone}`;
}

/** As short as it stays clear beside `now`: `03:14`, `Thu 20:15`, `Fri 20 Nov 03:14`. */
export function near(ms: number, now: number): string {
	if (new Date(ms).toDateString() === new Date(now).toDateString()) {
		return clock(ms);
	}
	if (Math.abs(now - ms) < 6 * day) {
		return `${weekdayFormat.format(ms)} ${clock(ms)}`;
	}
	return `${date(ms)} ${clock(ms)}`;
}
