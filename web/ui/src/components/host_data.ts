// What one host is made of: read when a page of it is opened, and again when events may have been missed.
import { useEffect, useState } from 'preact/hooks';
import { Failure, get, hostPath } from '../api';
import { generation } from '../state/store';
import type { Host, Service } from '../types';

export interface HostData {
	host: Host | null;
	error: Failure | Error | null;
	again: () => void;
}

/** What a chart of a service depends on. */
function shapeOf(s: Service): string {
	return JSON.stringify({ ...s, state: '', fields: s.fields.map((f) => ({ ...f, last: null })) });
}

/** The new answer with those services of the old one that did not change, so that their charts stay as they are. */
function merged(old: Host | null, next: Host): Host {
	const before = new Map(old?.services.map((s) => [s.service, s]));
	const services = next.services.map((s) => {
		const same = before.get(s.service);
		return same && shapeOf(same) === shapeOf(s) ? same : s;
	});
	return { ...next, services };
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
			setHost((old) => merged(old, next));
		}, (e: unknown) => stop.signal.aborted || setError(e instanceof Error ? e : new Error(String(e))));
		return () => stop.abort();
	}, [name, attempt, round]);
	return { host, error, again: () => setAttempt(attempt + 1) };
}
