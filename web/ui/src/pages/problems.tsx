// Every problem with its age, its value beside its limit and what it did lately; below, what is held back and why.
import { useEffect } from 'preact/hooks';
import { servicePath } from '../api';
import { Age } from '../components/age';
import { Broken, Empty } from '../components/empty';
import { FilterBox } from '../components/filter_box';
import { Icon } from '../components/icon';
import { KeyLine } from '../components/key_line';
import { Chip, Mark } from '../components/mark';
import { Said, subject } from '../components/problem_table';
import { Spark } from '../components/spark';
import { Strip } from '../components/strip';
import { levelClass, severities } from '../format/level';
import { plural } from '../format/number';
import { parameter, replaceParameters, withParameters } from '../router';
import { addKeys } from '../state/keys';
import { countOf, hosts, loaded, notices, pending, problems, refresh, suppressed, totals, trouble } from '../state/store';
import type { Alert, Level } from '../types';

const columns = 6;
const levelNames: Record<Level, string> = {
	ok: 'Ok', notice: 'Notice', warning: 'Warning', critical: 'Critical', unknown: 'Unknown',
};

const groupings = [['level', 'By level'], ['host', 'By host'], ['rule', 'By rule']] as const;

function matches(a: Alert, words: string[]): boolean {
	const text = `${a.host} ${a.group} ${a.service} ${a.field} ${subject(a)} ${a.rule} ${a.summary}`.toLowerCase();
	return words.every((w) => (w.startsWith('-') && w.length > 1 ? !text.includes(w.slice(1)) : text.includes(w)));
}

function Row({ alert: a }: { alert: Alert }) {
	const kind = levelClass[a.level];
	const strip = hosts.value.get(a.host)?.strip;
	const waiting = a.state === 'pending';
	return (
		<tr data-nav>
			<td class="nowrap g-level">
				<Chip level={waiting ? 'pending' : a.level}>{waiting ? 'pending' : a.level}</Chip>{' '}
				<span class="phone faint"><Age at={a.since} prefix="since " /></span>
				<span class="sub desk"><Age at={a.since} prefix="since " />{a.state === 'recovering' && ', recovering'}</span>
			</td>
			<td class="g-what">
				<a href={servicePath(a.host, a.service)}><b>{a.host}</b> {subject(a)}</a>
				<span class="sub">{a.summary}</span>
				<Said alert={a} />
			</td>
			<td class="num g-value">
				<span class={`val ${kind}`}>{a.value_text || '–'}</span><span class="sub">{a.threshold_text}</span>
			</td>
			<td class="no"><Spark id={`${a.host}:${a.service}:${a.field}`} limit={a.threshold} level={a.level} /></td>
			<td class="no opt">{strip && <Strip letters={strip} of={a.host} />}</td>
			<td class="no nowrap"><code>{a.rule}</code></td>
		</tr>
	);
}

function Group({ head, note, list }: { head: preact.ComponentChildren; note: string; list: Alert[] }) {
	return (
		<>
			<tr class="grp">
				<th colSpan={columns} scope="rowgroup">{head} {list.length} <span class="small">{note}</span></th>
			</tr>
			{list.map((a) => <Row key={a.id} alert={a} />)}
		</>
	);
}

function byLevel(list: Alert[], waiting: Alert[], level: Level | null) {
	const groups = severities.filter((l) => l !== 'notice').map((l) => ({ l, part: list.filter((a) => a.level === l) }));
	const quiet = level ? [] : notices.value;
	return (
		<>
			{groups.filter(({ part }) => part.length > 0).map(({ l, part }) => (
				<Group key={l} head={<><Mark level={l} /> {levelNames[l]}</>} list={part}
					note={l === 'unknown' ? 'no data is never shown as down' : ''} />
			))}
			{quiet.length > 0 && <Group head={<><Mark level="notice" /> Notice</>} list={quiet} note="for your information" />}
			{waiting.length > 0 && (
				<Group head={<><Mark level="pending" /> Pending</>} list={waiting} note="past the limit, not yet for long enough" />
			)}
		</>
	);
}

function byName(list: Alert[], name: (a: Alert) => string) {
	const groups = new Map<string, Alert[]>();
	list.forEach((a) => groups.set(name(a), [...(groups.get(name(a)) ?? []), a]));
	return [...groups].map(([key, part]) => <Group key={key} head={<b>{key}</b>} note="" list={part} />);
}

function Table({ list, waiting, level, grouping }: {
	list: Alert[]; waiting: Alert[]; level: Level | null; grouping: string;
}) {
	return (
		<table class="t two-line fold prob">
			<thead>
				<tr>
					<th scope="col" class="sort" aria-sort="descending">Level, age</th><th scope="col">Service</th>
					<th scope="col" class="num">Value, limit</th><th scope="col">3 h</th>
					<th scope="col" class="opt">host, 24 h</th><th scope="col">Rule</th>
				</tr>
			</thead>
			<tbody>
				{grouping === 'host' ? byName([...list, ...waiting], (a) => a.host)
					: grouping === 'rule' ? byName([...list, ...waiting], (a) => a.rule) : byLevel(list, waiting, level)}
			</tbody>
		</table>
	);
}

function Suppressed() {
	const list = suppressed.value;
	if (list.length === 0) {
		return null;
	}
	return (
		<div class="panel" id="suppressed">
			<header>
				<h2>Suppressed</h2>
				<span class="small muted">
					{plural(list.length, 'alert is', 'alerts are')} judged but told to nobody. Each is judged again the moment its
					reason ends.
				</span>
			</header>
			<table class="t fold">
				<thead>
					<tr>
						<th scope="col"><span class="hide">Why</span></th><th scope="col">Level</th><th scope="col">Service</th>
						<th scope="col">Reason</th><th scope="col">Age</th>
					</tr>
				</thead>
				<tbody>
					{list.map((a) => (
						<tr key={a.id} data-nav>
							<td class="faint"><Icon name="bell" /></td>
							<td class="nowrap"><Mark level={a.level} /> {a.level}</td>
							<td class="w2"><a href={servicePath(a.host, a.service)}><b>{a.host}</b> {subject(a)}</a></td>
							<td class="muted w2">{a.suppressed_by}</td>
							<td class="nowrap no"><Age at={a.since} prefix="since " /></td>
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}

function Nothing({ q, level }: { q: string; level: Level | null }) {
	if (q || level) {
		return (
			<Empty title={q ? `No problem matches “${q}”` : `No ${level} problem`}>
				<p>{plural(problems.value.length, 'problem')} in all.</p>
				<a class="btn" href="/problems">Clear filter</a>
			</Empty>
		);
	}
	const t = totals.value;
	return (
		<Empty title="No problems">
			{t && <p>{plural(t.services, 'service')} of {plural(t.hosts, 'host')} are within their limits.</p>}
		</Empty>
	);
}

function Levels({ level }: { level: Level | null }) {
	return (
		<div class="seg" role="group" aria-label="Level">
			<a href={withParameters({ level: null })} aria-current={level ? undefined : 'true'}>All {problems.value.length}</a>
			{(['critical', 'warning', 'unknown'] as const).map((l) => (
				<a key={l} href={withParameters({ level: l })} aria-current={level === l ? 'true' : undefined}>
					<Mark level={l} />{levelNames[l]} {countOf(l)}
				</a>
			))}
		</div>
	);
}

export function ProblemsPage() {
	useEffect(() => addKeys({ u: () => document.getElementById('suppressed')?.scrollIntoView() }), []);
	if (!loaded.value) {
		return trouble.value
			? <div class="panel"><Broken what="The problems" why={trouble.value} again={() => void refresh()} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	const q = parameter('q') ?? '';
	const level = severities.find((l) => l === parameter('level')) ?? null;
	const grouping = parameter('by') ?? 'level';
	const words = q.toLowerCase().split(/\s+/).filter(Boolean);
	const list = problems.value.filter((a) => (!level || a.level === level) && matches(a, words));
	const waiting = level ? [] : pending.value.filter((a) => matches(a, words));
	const any = list.length + waiting.length + (level || q ? 0 : notices.value.length);
	return (
		<>
			<div class="head">
				<h1>Problems</h1>
				<Levels level={level} />
				<div class="seg push desk" role="group" aria-label="Group by">
					{groupings.map(([key, word]) => (
						<a key={key} href={withParameters({ by: key === 'level' ? null : key })}
							aria-current={grouping === key ? 'true' : undefined}>{word}</a>
					))}
				</div>
			</div>
			<div class="bar">
				<FilterBox value={q} hint="Filter: host, service, rule; -word leaves out" label="Filter problems"
					onInput={(text) => replaceParameters({ q: text })} />
			</div>
			<div class="panel">
				{any > 0 ? <Table list={list} waiting={waiting} level={level} grouping={grouping} /> : <Nothing q={q} level={level} />}
			</div>
			<Suppressed />
			<KeyLine keys={[['j k', 'move'], ['Enter', 'open'], ['/', 'filter'], ['u', 'suppressed'], ['?', 'all keys']]} />
		</>
	);
}
