// Why is this alert here: the value, the limit and where it comes from, how long, and what holds it back, step by step.
import { useEffect } from 'preact/hooks';
import { Age } from '../components/age';
import { Icon } from '../components/icon';
import { Chip, Mark } from '../components/mark';
import { Said, subject } from '../components/problem_table';
import { measure, plain } from '../format/number';
import { full, moment, near } from '../format/time';
import { now } from '../state/clock';
import { hosts } from '../state/store';
import type { Alert, Field, Service } from '../types';

const states: Record<Alert['state'], string> = {
	pending: 'past the limit, but not yet for long enough', firing: 'for long enough: the alert is on',
	recovering: 'within the limit again, but not yet for long enough to end',
};

/** Only addresses of the web become links; a rule may hold any text. */
function safeLink(text: string): string | null {
	return /^https?:\/\//i.test(text) ? text : null;
}

function Limit({ alert: a, field }: { alert: Alert; field: Field | undefined }) {
	const others = (field?.limits ?? []).filter((l) => l.level !== a.level || l.value !== a.threshold);
	const unit = field?.unit ?? '';
	return (
		<li>
			<Icon name="check" />
			<span>{a.level === 'unknown' ? 'limit of silence: ' : 'limit: '}<b>{a.threshold_text || measure(a.threshold, plain, unit)}</b></span>
			<span />
			<span class="sub">
				From rule <code>{a.rule}</code>.
				{others.length > 0 && ` Others here: ${others.map((l) =>
					`${l.level} ${l.below ? 'below' : 'above'} ${measure(l.value, plain, unit)} (${l.rule})`).join(', ')}.`}
			</span>
		</li>
	);
}

function Steps({ alert: a, field }: { alert: Alert; field: Field | undefined }) {
	const since = moment(a.since);
	const waits = a.state !== 'firing';
	const seen = hosts.value.get(a.host)?.last_seen;
	return (
		<ol class="steps">
			<li>
				<Icon name="check" />
				<span><code>{a.service}:{a.field}</code> is <b>{a.value_text || measure(a.value, plain, field?.unit ?? '')}</b></span>
				<span class="faint">{seen && <Age at={seen} suffix=" ago" />}</span>
				{a.summary && <span class="sub">{a.summary}</span>}
				<Said alert={a} />
			</li>
			<Limit alert={a} field={field} />
			<li>
				<span class={waits ? 'faint' : ''}><Icon name={waits ? 'clock' : 'check'} /></span>
				<span>{states[a.state]}</span>
				<span class="faint"><time title={full(since)}>since {near(since, now.value)}</time></span>
			</li>
			<li>
				<Icon name={a.suppressed_by ? 'bell' : 'check'} />
				<span>{a.suppressed_by ? 'held back' : 'nothing suppresses it'}</span><span />
				{a.suppressed_by && <span class="sub">{a.suppressed_by}. It is judged again the moment that ends.</span>}
			</li>
		</ol>
	);
}

export function Why({ list, service }: { list: Alert[]; service: Service }) {
	useEffect(() => {
		if (location.hash === '#why') {
			document.getElementById('why')?.scrollIntoView();
		}
	}, []);
	return (
		<aside class="panel" aria-labelledby="why">
			<header>
				{list[0] && <Mark level={list[0].level} />}<h2 id="why">Why {list.length > 1 ? 'these alerts are' : 'is this alert'} here</h2>
			</header>
			{list.map((a) => {
				const link = safeLink(a.runbook);
				return (
					<div class="body" key={a.id}>
						<p class="who-line">
							<Chip level={a.state === 'pending' ? 'pending' : a.level}>{a.state === 'pending' ? `${a.level}, pending` : a.level}</Chip>{' '}
							<b>{subject(a)}</b>
						</p>
						<Steps alert={a} field={service.fields.find((f) => f.field === a.field)} />
						{a.info && <p class="small muted">{a.info}</p>}
						{a.runbook && (
							<p class="small">{link ? <a href={link} rel="noopener noreferrer" target="_blank">Runbook</a> : `Runbook: ${a.runbook}`}</p>
						)}
					</div>
				);
			})}
		</aside>
	);
}
