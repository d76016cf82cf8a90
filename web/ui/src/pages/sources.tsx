// Where samples come from: each source with its state, its last answer and what went wrong; one of them in detail.
import { useEffect } from 'preact/hooks';
import { Broken, Empty } from '../components/empty';
import { FilterBox } from '../components/filter_box';
import { KeyLine } from '../components/key_line';
import { Mark } from '../components/mark';
import { Strip } from '../components/strip';
import { count, plural, took } from '../format/number';
import { moment, near } from '../format/time';
import { parameter, replaceParameters, withParameters } from '../router';
import { now } from '../state/clock';
import { generation } from '../state/store';
import { byTrouble, isSilent, levelOf, readSources, sources, sourcesTrouble } from '../state/sources';
import type { Source } from '../types';
import { Last, SourceDetail } from './source_detail';

const okShown = 50;
const narrowPx = 900;
type Show = 'all' | 'complaining' | 'silent';

/** What people call it: the host first, then the name of what is asked there; of a node its address, if that is another. */
function nameOf(s: Source): string {
	if (s.kind === 'host') {
		return `this host (${s.host})`;
	}
	if (s.kind === 'munin') {
		return s.where === s.host || s.where.startsWith(`${s.host}:`) ? s.where : `${s.host} ${s.where}`;
	}
	return s.kind === 'push' ? s.host : `${s.host} ${s.name}`;
}

function kindOf(s: Source): string {
	const kind = { host: 'built-in plugins', munin: 'munin-node' }[s.kind] ?? s.kind;
	return `${(s.kind === 'munin' || s.kind === 'push') && s.version ? s.version : kind}, ${s.every_s}\u00a0s`;
}

/** Why it is not well, in a line. */
function reason(s: Source): string {
	if (s.state === 'stale') {
		return 'not heard of';
	}
	if (s.state === 'failing') {
		const since = moment(s.since);
		const times = s.failures > 1 ? `, ${s.failures} times` : '';
		return `${s.error}${times}${Number.isFinite(since) ? ` since ${near(since, now.value)}` : ''}`;
	}
	const [first] = s.complaints;
	const more = s.complaints.length > 1 ? ` (and ${s.complaints.length - 1} more)` : '';
	return first ? `${first.plugin}: ${first.error}${more}` : s.error;
}

function matches(s: Source, words: string[]): boolean {
	const complaints = s.complaints.map((c) => `${c.plugin} ${c.error}`).join(' ');
	const text = `${s.id} ${s.group} ${s.where} ${s.version} ${s.state} ${s.error} ${complaints}`.toLowerCase();
	return words.every((w) => text.includes(w));
}

function Row({ source: s, chosen }: { source: Source; chosen: boolean }) {
	const why = reason(s);
	const silent = isSilent(s);
	return (
		<tr data-nav class={chosen ? 'at' : ''} aria-selected={chosen}>
			<td><Mark level={levelOf(s)} /><span class="hide">{s.state}</span></td>
			<td class="w2">
				<a href={withParameters({ source: s.id })}><b>{nameOf(s)}</b></a>
				{why && <span class="sub">{why}</span>}
			</td>
			<td class="muted w2">{kindOf(s)}</td>
			<td class={`num no ${silent ? 'val small unknown' : ''}`}><Last source={s} /></td>
			<td class="num no">{silent || s.state === 'waiting' ? '–' : took(s.took_s)}</td>
			<td class="num no">{count(s.services)}</td>
			<td class="num no">{count(s.series)}</td>
			<td class="no opt"><Strip letters={s.strip} of={nameOf(s)} /></td>
		</tr>
	);
}

function Table({ list, chosen }: { list: Source[]; chosen: Source | undefined }) {
	const all = parameter('ok') === 'all';
	const troubled = list.filter((s) => s.state !== 'ok');
	const well = list.filter((s) => s.state === 'ok');
	const shown = all ? list : [...troubled, ...well.slice(0, okShown)];
	if (!all && chosen && !shown.includes(chosen)) {
		shown.push(chosen);
	}
	const more = list.length - shown.length;
	return (
		<section class="panel">
			<table class="t fold sources">
				<thead>
					<tr>
						<th scope="col" class="mk"><span class="hide">State</span></th><th scope="col">Source</th><th scope="col">Kind, every</th>
						<th scope="col" class="num">Last</th><th scope="col" class="num">Took</th><th scope="col" class="num">Services</th>
						<th scope="col" class="num">Series</th><th scope="col" class="opt">24 h</th>
					</tr>
				</thead>
				<tbody>{shown.map((s) => <Row key={s.id} source={s} chosen={s === chosen} />)}</tbody>
			</table>
			{more > 0 && <footer><a href={withParameters({ ok: 'all' })}>{count(more)} more, all ok</a></footer>}
		</section>
	);
}

function Segments({ all, show }: { all: Source[]; show: Show }) {
	const of = (state: Source['state']) => all.filter((s) => s.state === state).length;
	const parts: [Show, preact.ComponentChildren][] = [
		['all', <>All {count(all.length)}</>],
		['complaining', <><Mark level="warning" />Complaining {count(of('complaining'))}</>],
		['silent', <><Mark level="unknown" />Silent {count(all.filter(isSilent).length)}</>],
	];
	return (
		<div class="seg" role="group" aria-label="Which">
			{parts.map(([key, words]) => (
				<a key={key} href={withParameters({ show: key === 'all' ? null : key })} aria-current={show === key ? 'true' : undefined}>{words}</a>
			))}
		</div>
	);
}

function summary(all: Source[]): string {
	return `where samples come from. ${plural(all.length, 'source')}, ${count(all.reduce((n, s) => n + s.series, 0))} series.`;
}

/** On a phone the detail stands below a long list: show it when another source is chosen. */
function useReveal(id: string | null): void {
	useEffect(() => {
		if (id && innerWidth < narrowPx) {
			document.getElementById('source')?.scrollIntoView();
		}
	}, [id]);
}

function Content({ all }: { all: Source[] }) {
	const q = parameter('q') ?? '';
	const wanted = parameter('show');
	const show: Show = wanted === 'complaining' || wanted === 'silent' ? wanted : 'all';
	const words = q.toLowerCase().split(/\s+/).filter(Boolean);
	const list = all.filter((s) => matches(s, words)
		&& (show === 'all' || (show === 'silent' ? isSilent(s) : s.state === 'complaining')));
	const id = parameter('source');
	const chosen = all.find((s) => s.id === id) ?? (id ? undefined : list.find((s) => isSilent(s) || s.state === 'complaining'));
	useReveal(id);
	return (
		<>
			<div class="head"><h1>Sources</h1><span class="muted small">{summary(all)}</span></div>
			<div class="bar">
				<Segments all={all} show={show} />
				<FilterBox value={q} hint="Filter: host, kind, error" label="Filter sources"
					onInput={(text) => replaceParameters({ q: text })} />
			</div>
			{list.length === 0 && (
				<div class="panel">
					<Empty title={q ? `No source matches “${q}”` : 'No such source'}>
						<a class="btn" href="/sources">Clear filter</a>
					</Empty>
				</div>
			)}
			{list.length > 0 && (chosen
				? <div class="side"><Table list={list} chosen={chosen} /><SourceDetail source={chosen} /></div>
				: <Table list={list} chosen={chosen} />)}
			{id && !chosen && <p class="small muted" role="status">There is no source “{id}” any more.</p>}
			<KeyLine keys={[['/', 'filter'], ['j k', 'move'], ['Enter', 'show']]} />
		</>
	);
}

export function SourcesPage() {
	const round = generation.value;
	useEffect(() => {
		void readSources();
	}, [round]);
	if (!sources.value) {
		return sourcesTrouble.value
			? <div class="panel"><Broken what="The sources" why={sourcesTrouble.value} again={() => void readSources()} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	return <Content all={[...sources.value.values()].sort(byTrouble)} />;
}
