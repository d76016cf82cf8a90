// An instant, with its full time where a pointer rests.
import { full, moment, near } from '../format/time';
import { now } from '../state/clock';
import type { Moment } from '../types';

/** How far away it is, or `never`. */
export function When({ at }: { at: Moment }) {
	const ms = moment(at);
	return ms > 0 ? <time dateTime={new Date(ms).toISOString()} title={full(ms)}>{near(ms, now.value)}</time> : <>never</>;
}
