// Numbers as people read them: three significant digits, a no-break space before prefix and unit, a true minus.

const nbsp = '\u00a0';
const decimal = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const small = ['', 'm', 'µ', 'n', 'p'];

export interface Scale {
	/** 1000, or 1024 for memory. */
	base: 1000 | 1024;
	/** False: no prefixes, the whole number is written. */
	prefixes: boolean;
}

export const plain: Scale = { base: 1000, prefixes: false };
export const si: Scale = { base: 1000, prefixes: true };

/** At most three significant digits, no exponent: 97.5, 0.042, 1,034; what is smaller than a table shows is `<0.001`. */
export function digits(v: number): string {
	const a = Math.abs(v);
	if (a === 0) {
		return '0';
	}
	if (a < 0.0005) {
		return v < 0 ? '>\u22120.001' : '<0.001';
	}
	const places = a >= 100 ? 0 : a >= 10 ? 1 : a >= 1 ? 2 : Math.min(3, 2 - Math.floor(Math.log10(a)));
	let text = a.toFixed(places);
	if (places > 0 && text.includes('.')) {
		text = text.replace(/\.?0+$/, '');
	}
	const [whole = '0', part] = text.split('.');
	const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
	return (v < 0 && text !== '0' ? '\u2212' : '') + grouped + (part === undefined ? '' : `.${part}`);
}

/** The power of the base in which `v` has one to three digits before the point. */
function power(v: number, base: number): number {
	const a = Math.abs(v);
	if (a === 0 || !Number.isFinite(a)) {
		return 0;
	}
	if (a < 1) {
		return a >= 0.01 ? 0 : Math.max(-(small.length - 1), Math.floor(Math.log10(a) / 3));
	}
	return Math.min(decimal.length - 1, Math.floor(Math.log(a * 1.0005) / Math.log(base)));
}

function prefix(p: number, base: number): string {
	return p < 0 ? (small[-p] ?? '') : ((base === 1024 ? binary : decimal)[p] ?? '');
}

/** `14.3 M`, `97.5`, `–` for unknown. */
export function quantity(v: number | null | undefined, scale: Scale): string {
	if (v === null || v === undefined || !Number.isFinite(v)) {
		return '–';
	}
	if (!scale.prefixes) {
		return digits(v);
	}
	const p = power(v, scale.base);
	const name = prefix(p, scale.base);
	const text = digits(v / (p < 0 ? 1000 : scale.base) ** p);
	return name ? `${text}${nbsp}${name}` : text;
}

/** A quantity with its unit: `97.5 %`, `1.05 GiB`. */
export function measure(v: number | null | undefined, scale: Scale, unit: string): string {
	const text = quantity(v, scale);
	if (!unit || text === '–') {
		return text;
	}
	return /[a-zµ]$/i.test(text) ? `${text}${unit}` : `${text}${nbsp}${unit}`;
}

/** How long something took: `< 1 ms`, `21 ms`, `1.25 s`. */
export function took(s: number): string {
	if (s >= 1) {
		return `${digits(s)}${nbsp}s`;
	}
	return s < 0.001 ? `< 1${nbsp}ms` : `${Math.round(s * 1000)}${nbsp}ms`;
}

/** `1,034` */
export function count(n: number): string {
	return Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 host`, `20 hosts` */
export function plural(n: number, one: string, many = `${one}s`): string {
	return `${count(n)} ${n === 1 ? one : many}`;
}
