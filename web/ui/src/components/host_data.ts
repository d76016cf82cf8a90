// What one host is made of: read when a page of it is opened, and again when events may have been missed.
import { useEffect, useState } from 'preact/hooks';
import { Failure, get, hostPath } from '../api';
import { generation } from '../state/store';
import type { Host } from '../types';

export interface HostData {
	host: Host | null;
	error: Failure | Error | null;
	again: () => void;
}

/** A host's answer, replaced only when it differs in more than its last values, so that charts stay as they are. */
function shapeOf(h: Host): string {
	return JSON.stringify({ ...h, last_seen: 0, services: h.services.map((s) => ({
		...s, fields: s.fields.map((f) => ({ ...f, last: null })),
	})) });
}

export function useHost(name: string): HostData {
	const [host, setHost] = useState<Host | null>(null);
	const [error, setError] = useState<Error | null>(null);
	const [attempt, setAttempt] = useState(0);
	const round = generation.value;
	useEffect(() => {
		const stop = new AbortController();
		get<Host>(`/api/v1${hostPath(name)}`, {}, stop.signal).then((next) => {
			setError(null);
			setHost((old) => (old && shapeOf(old) === shapeOf(next) ? old : next));
		}, (e: unknown) => stop.signal.aborted || setError(e instanceof Error ? e : new Error(String(e))));
		return () => stop.abort();
	}, [name, attempt, round]);
	return { host, error, again: () => setAttempt(attempt + 1) };
}
