// What the graphs of a host are marked with: asked once for all of its charts that show the same span.
import { get } from '../api';
import { generation } from '../state/store';
import type { Mark } from '../types';
import type { Span } from './span';

let key = '';
let found: Promise<Mark[]> = Promise.resolve([]);

/** Marks of the host in the span; none if they cannot be read: a graph without them is better than no graph. */
export function readMarks(host: string, span: Span): Promise<Mark[]> {
	const wanted = `${host} ${span.live ? `live ${generation.peek()}` : span.from} ${span.to - span.from}`;
	if (wanted !== key) {
		key = wanted;
		found = get<{ marks: Mark[] }>('/api/v1/marks', { host, from: Math.floor(span.from), to: Math.ceil(span.to) })
			.then((answer) => answer.marks, () => []);
	}
	return found;
}
