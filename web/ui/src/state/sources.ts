// Where samples come from: read when the page is opened and after a gap, kept by the stream while it is shown.
import { signal } from '@preact/signals';
import { get } from '../api';
import { moment } from '../format/time';
import type { Level, Source, StreamEvents } from '../types';
import { now } from './clock';

export const sources = signal<ReadonlyMap<string, Source> | null>(null);
export const sourcesTrouble = signal<string | null>(null);

let asking = false;
let again = false;

export async function readSources(): Promise<void> {
	if (asking) {
		again = true;
		return;
	}
	asking = true;
	try {
		const answer = await get<{ sources: Source[] }>('/api/v1/sources');
		sources.value = new Map(answer.sources.map((s) => [s.id, s]));
		sourcesTrouble.value = null;
	} catch (e) {
		sourcesTrouble.value = e instanceof Error ? e.message : String(e);
	} finally {
		asking = false;
		if (again) {
			again = false;
			void readSources();
		}
	}
}

/** Takes the stream's word of what changed. */
export function takeSources(change: StreamEvents['sources']): void {
	if (change.all || asking) {
		void readSources();
		return;
	}
	if (sources.value) {
		const next = new Map(sources.value);
		change.sources?.forEach((s) => next.set(s.id, s));
		change.gone?.forEach((id) => next.delete(id));
		sources.value = next;
	}
}

/** What does not answer is not known to be down: our own view is missing. */
export function isSilent(s: Source): boolean {
	return s.state === 'failing' || s.state === 'stale';
}

export function levelOf(s: Source): Level | 'pending' {
	return ({ ok: 'ok', complaining: 'warning', waiting: 'pending', failing: 'unknown', stale: 'unknown' } as const)[s.state];
}

const order: Source['state'][] = ['failing', 'stale', 'complaining', 'waiting', 'ok'];

/** Silent first, then complaining; names decide between equals so that rows never swap places. */
export function byTrouble(a: Source, b: Source): number {
	return order.indexOf(a.state) - order.indexOf(b.state) || a.host.localeCompare(b.host, 'en', { numeric: true })
		|| a.id.localeCompare(b.id);
}

/** Seconds until the next round; negative: it is due. NaN: not known. */
export function untilNext(s: Source): number {
	return (moment(s.next) - now.value) / 1000;
}
