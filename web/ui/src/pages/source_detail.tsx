// One source: how far it was reached, why not further, when it is asked again, and what to do about it.
import { hostPath } from '../api';
import { Age } from '../components/age';
import { Mark } from '../components/mark';
import { plural, took } from '../format/number';
import { clock, full, moment, near } from '../format/time';
import { now } from '../state/clock';
import { problems } from '../state/store';
import { isSilent, levelOf, untilNext } from '../state/sources';
import type { Moment, Source } from '../types';

const stages = ['resolve', 'connect', 'greet', 'authenticate', 'query', 'write'];

/** What a munin-node is asked, by the stage it belongs to. */
const dialogue: Record<string, string> = {
	tls: 'greet', starttls: 'greet', cap: 'query', nodes: 'query', list: 'query', config: 'query', fetch: 'query', spoolfetch: 'query', end: 'query',
};

/** The stage an error names before its colon: "greet: no answer within 5 s". */
function stageOf(error: string): number {
	const word = /^([a-z]+)[^:]*:/.exec(error)?.[1] ?? '';
	return stages.indexOf(dialogue[word] ?? word);
}

const advice: [RegExp, string][] = [
	[/^resolve/, 'Its name leads to no address: look at its spelling in magpie.conf, and at the resolver of this machine.'],
	[/\bneeds a\b/, 'A setting is missing in magpie.conf: until it is there only whether something listens can be told.'],
	[/refused/i, 'The machine is there, but nothing listens at that port, or a firewall refuses: look whether the service runs there.'],
	[/^connect.*(no answer|timed? ?out|within)/i, 'Nothing comes back: the machine is off, the network between is cut, or a firewall drops what we send.'],
	[/^connect.*(route|unreachable)/i, 'There is no way there from this machine: look at its network and routes.'],
	[/not allowed|denied|permission|^authenticate/i, 'It is there, but does not let us in: look at its list of allowed addresses, at user and password.'],
	[/certificate|tls|handshake/i, 'The protection of the connection failed: look at the certificates on both sides and at the setting "tls".'],
	[/not asked for|out of step/i, 'It answers something else than what it was asked, so nothing of it is believed: look what really listens there.'],
	[/does not know the command|no plugin/i, 'It is a node, but has nothing for this host: look at "node_name" in magpie.conf and at the plugins there.'],
	[/^greet/, 'It takes connections but says nothing: the process hangs, or its table of connections is full.'],
	[/^execute/, 'It could not be run: look at its path in magpie.conf, and whether root owns it and all folders above.'],
	[/no answer|no reply|within|timed? ?out/i, 'It began to answer and did not come to an end: a plugin or query takes too long.'],
	[/^query/, 'It answers, but not as it should: its own log says why, or what is expected in magpie.conf is wrong.'],
	[/^write/, 'It answers, but does not take what is written: look at its memory, its disk and its rights.'],
];

function adviceFor(s: Source): string {
	if (s.state === 'stale') {
		return 'The part of Magpie that asks it does not report: look at its log. Nothing is known of the source itself.';
	}
	if (s.state === 'complaining') {
		return 'It answers; what is named here gives no values. Everything else of it is stored as ever.';
	}
	return advice.find(([pattern]) => pattern.test(s.error))?.[1] ?? '';
}

/** What is asked whether it is well: that it is not is an answer, and rules say what follows. */
function isAsked(s: Source): boolean {
	return s.kind === 'service' || s.kind === 'check' || s.kind === 'exporter';
}

function Sentence({ source: s }: { source: Source }) {
	const since = moment(s.since);
	const when = Number.isFinite(since) ? <> since <time title={full(since)}>{near(since, now.value)}</time></> : null;
	const waiting = problems.value.filter((a) => a.host === s.host && a.level === 'unknown').length;
	if (s.state === 'failing' && isAsked(s)) {
		const own = problems.value.filter((a) => a.host === s.host && a.service.endsWith(`_${s.name}`)).length;
		return (
			<p>
				<b>Failing{when}.</b>{' '}
				{own > 0 && <a href={`/problems?q=${encodeURIComponent(`${s.host} ${s.name}`)}`}>{plural(own, 'problem')} because of it</a>}
			</p>
		);
	}
	if (s.state === 'failing') {
		return (
			<p>
				<b>Silent{when}.</b>{' '}
				{s.services > 0 && <>Its {plural(s.services, 'service is', 'services are')} shown as last known, not as down. </>}
				{waiting > 0 && <>{plural(waiting, 'alert waits', 'alerts wait')} until it answers.</>}
			</p>
		);
	}
	const words = {
		stale: 'Not heard of', complaining: 'Complaining', waiting: 'Not asked yet, waiting', ok: 'All well', failing: '',
	}[s.state];
	return <p><b>{words}{when}.</b></p>;
}

/** What was done before the stage that failed is done; the stage itself is not. */
function Reached({ source: s }: { source: Source }) {
	const at = stageOf(s.error);
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

function When({ at }: { at: Moment }) {
	const ms = moment(at);
	return Number.isFinite(ms) ? <time dateTime={new Date(ms).toISOString()} title={full(ms)}>{near(ms, now.value)}</time> : <>never</>;
}

function Next({ source: s }: { source: Source }) {
	const left = untilNext(s);
	const at = moment(s.next);
	if (!Number.isFinite(left)) {
		return <>not known</>;
	}
	return (
		<time dateTime={new Date(at).toISOString()} title={full(at)}>
			{left > 120 ? `at ${clock(at)}` : left > 0 ? `in ${Math.ceil(left)}\u00a0s` : 'now'}
		</time>
	);
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
					<dd>{c.error || 'gave no values'}</dd>
				</>
			))}
		</dl>
	);
}

export function SourceDetail({ source: s }: { source: Source }) {
	const help = adviceFor(s);
	return (
		<aside class="panel" id="source" aria-labelledby="source-name">
			<header><Mark level={levelOf(s)} /><h2 id="source-name">{s.host}</h2><span class="small muted">{s.kind === s.name ? s.kind : `${s.kind} ${s.name}`}</span></header>
			<div class="body">
				<Sentence source={s} />
				{help && <p class="small muted">{help}</p>}
				<dl class="kv bar gap">
					<Reached source={s} />
					{s.error && <><dt>error</dt><dd>{s.error}{s.failures > 1 && `, ${s.failures} times in a row`}</dd></>}
					{s.where && <><dt>asked at</dt><dd>{s.where}</dd></>}
					{s.version && <><dt>answers as</dt><dd>{s.version}</dd></>}
					<dt>{isSilent(s) ? 'next try' : 'next round'}</dt><dd><Next source={s} />, every {s.every_s} s</dd>
					<dt>last good</dt>
					<dd><When at={s.last} />{moment(s.last) > 0 && `, ${plural(s.series, 'series', 'series')} in ${took(s.took_s)}`}</dd>
					<dt>first seen</dt><dd><When at={s.first_seen} /></dd>
				</dl>
				<Complaints source={s} />
				<p class="bar gap"><a class="btn" href={hostPath(s.host)}>Host {s.host}</a></p>
			</div>
			<footer>magpie doctor {s.kind === 'host' ? s.host : `${s.host}/${s.name}`}</footer>
		</aside>
	);
}

/** The last answer, for a row: how long ago, or a dash. */
export function Last({ source: s }: { source: Source }) {
	return moment(s.last) > 0 ? <Age at={s.last} /> : <>–</>;
}
