// How long ago something was, by the server's clock, with the moment itself in the title. Ticks each second.
import { age, full, moment } from '../format/time';
import { now } from '../state/clock';
import type { Moment } from '../types';

export function Age({ at, prefix = '', suffix = '' }: { at: Moment; prefix?: string; suffix?: string }) {
	const ms = moment(at);
	if (!Number.isFinite(ms)) {
		return <span>never</span>;
	}
	return (
		<time dateTime={new Date(ms).toISOString()} title={prefix + full(ms)}>{age(now.value - ms)}{suffix}</time>
	);
}
