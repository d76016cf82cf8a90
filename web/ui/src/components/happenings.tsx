// What happened lately on this server: the newest first.
import { full, moment, near } from '../format/time';
import { now } from '../state/clock';
import { events } from '../state/store';
import type { Happening } from '../types';

function Row({ event: e }: { event: Happening }) {
	const at = moment(e.t);
	return (
		<tr>
			<td class="nowrap faint">
				{Number.isFinite(at) && <time dateTime={new Date(at).toISOString()} title={full(at)}>{near(at, now.value)}</time>}
			</td>
			<td class="nowrap r"><code>{e.kind}</code></td>
			<td class="w2"><b>{e.object}</b> <span class="muted">{e.text}</span></td>
		</tr>
	);
}

export function Happenings({ most }: { most: number }) {
	const list = events.value.slice(0, most);
	if (list.length === 0) {
		return null;
	}
	return (
		<section class="panel" aria-labelledby="happenings">
			<header><h2 id="happenings">Recent events</h2></header>
			<table class="t fold">
				<thead><tr><th scope="col">When</th><th scope="col">Kind</th><th scope="col">What</th></tr></thead>
				<tbody>{list.map((e, i) => <Row key={`${e.t} ${e.kind} ${e.object} ${i}`} event={e} />)}</tbody>
			</table>
		</section>
	);
}
