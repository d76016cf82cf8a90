// Values of one graph over one span: read once from the archive, then extended by live values where the span ends now.
//
// A live value falls into the bucket in which it was sampled; a bucket the archive has not filled is the mean of the
// live values so far. After some dozens of such buckets, and whenever events may have been missed, all is read again.
import { signal, type Signal } from '@preact/signals';
import { get } from '../api';
import type { Data, Mark, Service } from '../types';
import { readMarks } from './marks';
import type { Plan } from './plan';
import { evaluate } from './rpn';
import type { Span } from './span';

export type Values = (number | null)[];

export interface Table {
	/** Value i covers (t0 + i * step, t0 + (i + 1) * step]. */
	t0: number;
	step: number;
	average: Record<string, Values>;
	/** Extremes within each bucket; empty when a bucket is one sample. */
	least: Record<string, Values>;
	most: Record<string, Values>;
}

const bucketsLive = 60;
const idsPerQuestion = 40;
const perPeriod: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86400 };

interface Question {
	ids: string[];
	span: Span;
	step: number;
	signal: AbortSignal;
}

async function ask(q: Question, cf: 'average' | 'min' | 'max'): Promise<Data> {
	const parts: Promise<Data>[] = [];
	for (let i = 0; i < q.ids.length; i += idsPerQuestion) {
		parts.push(get<Data>('/api/v1/data', {
			series: q.ids.slice(i, i + idsPerQuestion).join(','), from: q.span.from, to: q.span.to, step: q.step, cf, graphed: 1,
		}, q.signal));
	}
	const answers = await Promise.all(parts);
	const first = answers[0] ?? { t0: q.span.from, step: q.step, series: {} };
	return { ...first, series: Object.assign({}, ...answers.map((a) => a.series)) as Data['series'] };
}

export class Source {
	/** Null until the first answer. Replaced whole, so that a change is seen. */
	readonly table: Signal<Table | null> = signal(null);
	readonly error: Signal<string | null> = signal(null);
	readonly marks: Signal<Mark[]> = signal([]);
	private readonly stop = new AbortController();
	private sums = new Map<string, { bucket: number; sum: number; n: number }>();
	private liveBuckets = 0;

	constructor(
		private readonly host: string, private readonly service: Service, private readonly plan: Plan, private readonly sampleStep: number,
		readonly span: Span, private readonly step: number,
	) {}

	async read(): Promise<void> {
		const ids = [...new Set(this.plan.curves.map((c) => c.field.id))];
		const question = { ids, span: this.span, step: this.step, signal: this.stop.signal };
		try {
			const marks = readMarks(this.host, this.span);
			const average = await ask(question, 'average');
			const coarse = average.step > this.sampleStep;
			const [least, most] = coarse ? await Promise.all([ask(question, 'min'), ask(question, 'max')]) : [null, null];
			this.sums.clear();
			this.liveBuckets = 0;
			this.error.value = null;
			this.marks.value = (await marks).filter((m) => m.service === null || m.service === this.service.service);
			this.table.value = {
				t0: average.t0, step: average.step, average: average.series, least: least?.series ?? {}, most: most?.series ?? {},
			};
		} catch (e) {
			if (!this.stop.signal.aborted) {
				this.error.value = e instanceof Error ? e.message : String(e);
			}
		}
	}

	close(): void {
		this.stop.abort();
	}

	/** What a live value of a field is on the graph; null when it cannot be told here. */
	private graphed(name: string, values: Record<string, number | null>): number | null {
		const field = this.service.fields.find((f) => f.field === name);
		if (!field) {
			return null;
		}
		const factor = field.type.toUpperCase() === 'GAUGE' ? 1 : (perPeriod[this.service.period || 'second'] ?? 1);
		if (!field.cdef) {
			const v = values[field.id] ?? null;
			return v === null ? null : v * factor;
		}
		const v = evaluate(field.cdef, (other) => {
			const f = this.service.fields.find((x) => x.field === other);
			return f ? (values[f.id] ?? undefined) : undefined;
		});
		return v === null ? null : v * factor;
	}

	/** Takes live values of instant `t` (epoch seconds). */
	extend(t: number, values: Record<string, number | null>): void {
		const table = this.table.peek();
		if (!table || !this.span.live) {
			return;
		}
		const bucket = Math.ceil((t - table.t0) / table.step) - 1;
		let changed = false;
		const average = { ...table.average };
		for (const { field } of this.plan.curves) {
			const old = average[field.id];
			const v = field.id in values ? this.graphed(field.field, values) : null;
			if (!old || v === null || bucket < 0 || !this.open(field.id, bucket, old)) {
				continue;
			}
			const next = old.slice();
			while (next.length <= bucket) {
				next.push(null);
			}
			next[bucket] = this.mean(field.id, bucket, v);
			average[field.id] = next;
			changed = true;
		}
		if (!changed) {
			return;
		}
		this.table.value = { ...table, average };
		if (this.liveBuckets > bucketsLive) {
			void this.read();
		}
	}

	/** False when the archive has filled the bucket: it knows better. */
	private open(id: string, bucket: number, values: Values): boolean {
		const own = this.sums.get(id);
		return (values[bucket] ?? null) === null || own?.bucket === bucket;
	}

	private mean(id: string, bucket: number, v: number): number {
		const own = this.sums.get(id);
		const sum = own?.bucket === bucket ? { bucket, sum: own.sum + v, n: own.n + 1 } : { bucket, sum: v, n: 1 };
		if (own?.bucket !== bucket) {
			this.liveBuckets += 1 / Math.max(1, this.plan.curves.length);
		}
		this.sums.set(id, sum);
		return sum.sum / sum.n;
	}
}

export interface Summary {
	now: number | null;
	least: number | null;
	average: number | null;
	most: number | null;
}

function extreme(values: Values | undefined, pick: (a: number, b: number) => number): number | null {
	let found: number | null = null;
	for (const v of values ?? []) {
		if (v !== null) {
			found = found === null ? v : pick(found, v);
		}
	}
	return found;
}

/** What Munin writes under a graph: the last value, the least, the mean and the most of the span. */
export function summarize(table: Table, id: string): Summary {
	const values = table.average[id] ?? [];
	let sum = 0;
	let n = 0;
	let last: number | null = null;
	for (const v of values) {
		if (v !== null) {
			sum += v;
			n++;
			last = v;
		}
	}
	const least = extreme(table.least[id], Math.min);
	const most = extreme(table.most[id], Math.max);
	const shownLeast = extreme(values, Math.min);
	const shownMost = extreme(values, Math.max);
	return {
		now: last, average: n > 0 ? sum / n : null,
		least: least !== null && shownLeast !== null ? Math.min(least, shownLeast) : shownLeast,
		most: most !== null && shownMost !== null ? Math.max(most, shownMost) : shownMost,
	};
}
