// One source: how far it was reached, why not further, when it is asked again, and what to do about it.
import { hostPath } from '../api';
import { Age } from '../components/age';
import { When } from '../components/instant';
import { Mark } from '../components/mark';
import { plural, took } from '../format/number';
import { moment } from '../format/time';
import { levelOf, untilNext } from '../state/sources';
import type { Source } from '../types';

const stages = ['resolve', 'connect', 'greet', 'authenticate', 'query', 'write'];

/** The stage an error names before its colon: "greet: no answer within 5 s"; a node's commands are questions. */
function stageOf({ error, kind }: Source): number {
	const word = /^([a-z]+)[^:]*:/.exec(error)?.[1] ?? '';
	const at = stages.indexOf(/tls$/.test(word) ? 'greet' : word);
	return at < 0 && word && kind === 'munin' ? 4 : at;
}

const words = { stale: 'Not heard of', complaining: 'Complaining', waiting: 'Not asked yet', ok: 'All well', failing: 'Failing' };

function Sentence({ source: s }: { source: Source }) {
	return (
		<p>
			<b>{words[s.state]} since <When at={s.since} />.</b>{' '}
			{s.state === 'failing' && s.services > 0 && <>Its {plural(s.services, 'service is', 'services are')} shown as last known, not as down</>}
		</p>
	);
}

/** What was done before the stage that failed is done; the stage itself is not. */
function Reached({ source: s }: { source: Source }) {
	const at = stageOf(s);
	if (s.state !== 'failing' || at < 0) {
		return null;
	}
	return (
		<>
			<dt>reached</dt>
			<dd>
				{stages.slice(0, at).map((stage) => <span key={stage}>{stage} ✓{'\u2003'}</span>)}
				<b>{stages[at]} ✗</b>
			</dd>
		</>
	);
}

function next(s: Source): string {
	const left = untilNext(s);
	return Number.isFinite(left) ? (left > 0 ? `in ${Math.ceil(left)}\u00a0s` : 'now') : 'not known';
}

function Complaints({ source: s }: { source: Source }) {
	if (s.complaints.length === 0) {
		return null;
	}
	return (
		<dl class="kv bar gap complaints">
			{s.complaints.map((c) => (
				<>
					<dt key={c.plugin}><code>{c.plugin}</code></dt>
					<dd>{c.error}</dd>
				</>
			))}
		</dl>
	);
}

export function SourceDetail({ source: s }: { source: Source }) {
	return (
		<aside class="panel" id="source" aria-labelledby="source-name">
			<header><Mark level={levelOf(s)} /><h2 id="source-name">{s.host}</h2><span class="small muted">{s.kind === s.name ? s.kind : `${s.kind} ${s.name}`}</span></header>
			<div class="body">
				<Sentence source={s} />
				{s.advice && <p class="small muted">{s.advice}</p>}
				<dl class="kv bar gap">
					<Reached source={s} />
					{s.error && <><dt>error</dt><dd>{s.error}{s.failures > 1 && `, ${s.failures} times`}</dd></>}
					{s.where && <><dt>asked at</dt><dd>{s.where}</dd></>}
					{s.version && <><dt>answers as</dt><dd>{s.version}</dd></>}
					<dt>next round</dt><dd>{next(s)}, every {s.every_s} s</dd>
					<dt>last good</dt>
					<dd><When at={s.last} />{moment(s.last) > 0 && `, ${plural(s.series, 'series', 'series')} in ${took(s.took_s)}`}</dd>
					<dt>first seen</dt><dd><When at={s.first_seen} /></dd>
				</dl>
				<Complaints source={s} />
				<p class="bar gap"><a class="btn" href={hostPath(s.host)}>Host {s.host}</a></p>
			</div>
			<footer>magpie doctor {s.host}/{s.name}</footer>
		</aside>
	);
}

/** The last answer, for a row: how long ago, or a dash. */
export function Last({ source: s }: { source: Source }) {
	return moment(s.last) > 0 ? <Age at={s.last} /> : <>–</>;
}
