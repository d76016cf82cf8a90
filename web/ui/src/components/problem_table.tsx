// The short list of problems at the top of the wall.
import { servicePath } from '../api';
import { levelClass, levelLetter } from '../format/level';
import { hosts } from '../state/store';
import type { Alert } from '../types';
import { Age } from './age';
import { Mark } from './mark';
import { Strip } from './strip';

/** What an alert is about, without its host: the graph's title and the field if the title does not name it. */
export function subject(a: Alert): string {
	const title = a.title || a.service;
	return a.label && !title.includes(a.label) ? `${title}: ${a.label}` : title;
}

/** What the source itself says, where the summary does not say it already. */
export function Said({ alert: a }: { alert: Alert }) {
	return a.extinfo && !a.summary.includes(a.extinfo) ? <span class="sub">{a.extinfo}</span> : null;
}

function Row({ alert: a }: { alert: Alert }) {
	const kind = levelClass[a.level];
	const strip = hosts.value.get(a.host)?.strip;
	return (
		<tr data-nav>
			<td class="nowrap g-level">
				<Mark level={a.level} /> <b>{levelLetter[a.level]}</b><span class="hide">{a.level}</span>{' '}
				<span class="phone faint"><Age at={a.since} prefix="since " /></span>
			</td>
			<td class="nowrap no"><Age at={a.since} prefix="since " /></td>
			<td class="g-what">
				<a href={servicePath(a.host, a.service)}><b>{a.host}</b> {subject(a)}</a>
			</td>
			<td class="no muted">{a.summary} <Said alert={a} /></td>
			<td class="num g-value"><span class={`val ${kind}`}>{a.value_text || '–'}</span></td>
			<td class="faint nowrap no">{a.threshold_text}</td>
			<td class="no opt">{strip && <Strip letters={strip} of={a.host} />}</td>
		</tr>
	);
}

export function ProblemTable({ list }: { list: Alert[] }) {
	return (
		<table class="t fold prob">
			<thead>
				<tr>
					<th scope="col">Level</th><th scope="col">Age</th><th scope="col">Service</th><th scope="col">What</th>
					<th scope="col" class="num">Value</th><th scope="col">Limit</th>
					<th scope="col" class="opt">host, 24 h</th>
				</tr>
			</thead>
			<tbody>{list.map((a) => <Row key={a.id} alert={a} />)}</tbody>
		</table>
	);
}
