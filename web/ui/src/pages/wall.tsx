// The wall: what is wrong first, then every host by category.
import { effect, signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Broken, Empty } from '../components/empty';
import { FilterBox } from '../components/filter_box';
import { Happenings } from '../components/happenings';
import { KeyLine } from '../components/key_line';
import { ProblemTable, subject } from '../components/problem_table';
import { count, plural } from '../format/number';
import { parameter, replaceParameters, withParameters } from '../router';
import { now } from '../state/clock';
import { categories, countOf, hosts, isOld, loaded, problems, refresh, suppressed, totals, trouble } from '../state/store';
import type { WallHost } from '../types';
import { WallGrid } from './wall_grid';

const problemsShown = 6;
/** Above this the rows are laid out as grids, each by itself. */
const vastCells = 2000;
const vastColumns = 24;
const hasProblem = /[cwux]/;

const states: Record<string, string> = {
	ok: 'o', notice: 'n', warn: 'w', warning: 'w', crit: 'c', critical: 'c', unknown: 'u', suppressed: 's', old: 'x',
};

/** Words of the filter: parts of a host's name, group:PART, state:LEVEL; all of them must match. */
function matches(h: WallHost, words: string[]): boolean {
	return words.every((word) => {
		const [key, value = ''] = word.split(':', 2) as [string, string?];
		if (key === 'group' && word.includes(':')) {
			return h.group.toLowerCase().includes(value);
		}
		if (key === 'state' && word.includes(':')) {
			const letter = states[value];
			return letter !== undefined && h.cells.includes(letter);
		}
		return h.host.toLowerCase().includes(word) || h.group.toLowerCase().includes(word);
	});
}

function inOrder(list: WallHost[]): WallHost[] {
	return list.sort((a, b) => a.group.localeCompare(b.group) || a.host.localeCompare(b.host, 'en', { numeric: true }));
}

function Problems() {
	const list = problems.value;
	const rest = list.slice(problemsShown);
	const parts = ([['critical', 'critical', 'critical'], ['warning', 'warning', 'warnings'],
		['unknown', 'unknown', 'unknown']] as const)
		.map(([level, one, many]) => [countOf(level), one, many] as const)
		.filter(([n]) => n > 0).map(([n, one, many]) => plural(n, one, many));
	return (
		<section class="panel" aria-labelledby="hp">
			<header>
				<h2 id="hp"><a href="/problems">{list.length > 0 ? plural(list.length, 'problem') : 'No problems'}</a></h2>
				<span class="small muted">{parts.length > 0 ? parts.join(', ') : `${plural(hosts.value.size, 'host')} watched`}</span>
				{suppressed.value.length > 0
					&& <span class="push small"><a href="/problems#suppressed">{suppressed.value.length} suppressed</a></span>}
			</header>
			{list.length > 0 && <ProblemTable list={list.slice(0, problemsShown)} />}
			{rest.length > 0 && (
				<footer>
					<a href="/problems">{rest.length} more: {rest.slice(0, 3).map((a) => `${a.host} ${subject(a)}`).join(', ')}
						{rest.length > 3 ? ' …' : ''}</a>
				</footer>
			)}
		</section>
	);
}

function Legend() {
	const t = totals.value;
	return (
		<footer>
			<p class="legend-line">
				<span><i class="cell ok" aria-hidden="true" />ok</span>
				<span><i class="cell warn" aria-hidden="true">W</i>warning</span>
				<span><i class="cell crit" aria-hidden="true">C</i>critical</span>
				<span><i class="cell unknown" aria-hidden="true">U</i>unknown</span>
				<span><i class="cell muted" aria-hidden="true" />suppressed</span>
				<span><i class="cell old" aria-hidden="true" />last known, too old to trust</span>
				{t && (
					<span class="push desk">
						{plural(t.hosts, 'host')}, {plural(t.services, 'service')}, {count(t.series)} series,{' '}
						{count(t.samples_per_s)} samples/s
					</span>
				)}
			</p>
		</footer>
	);
}

/** Which rows are shown, as one text: the grid is built again when it changes. */
const layout = signal('');

function Grid({ list }: { list: WallHost[] }) {
	const body = useRef<HTMLTableSectionElement>(null);
	const table = useRef<HTMLTableElement>(null);
	const grid = useRef<WallGrid | null>(null);
	const names = categories.value;
	const key = `${names.join('\n')}\n\n${list.map((h) => `${h.group}/${h.host}`).join('\n')}`;
	useLayoutEffect(() => {
		if (body.current) {
			grid.current = new WallGrid(body.current);
			grid.current.build(list, names);
			grid.current.tick(now.peek(), isOld);
			layout.value = key;
		}
	}, [key]);
	useEffect(() => effect(() => {
		const known = hosts.value;
		const at = now.value;
		if (layout.value) {
			known.forEach((h) => grid.current?.update(h));
			grid.current?.tick(at, isOld);
		}
	}), []);
	const vast = names.length * list.length > vastCells || names.length > vastColumns;
	useLayoutEffect(() => {
		table.current?.style.setProperty('--columns', String(names.length));
	}, [names.length]);
	const box = vast ? { class: 'vast-box', role: 'region' as const, 'aria-label': 'Hosts by category', tabIndex: 0 } : {};
	return (
		<div {...box}>
			<table class={vast ? 'wall vast' : 'wall'} ref={table}>
				<caption class="hide">State of every host by category, worst service first</caption>
				<colgroup><col class="host" /><col class="hist" /><col span={names.length} /><col class="seen" /></colgroup>
				<thead>
					<tr>
						<th class="l" scope="col">Host</th><th scope="col" class="hist">last 24 h</th>
						{names.map((name) => <th key={name} scope="col">{name}</th>)}
						<th class="seen" scope="col">sample</th>
					</tr>
				</thead>
				<tbody ref={body} />
			</table>
		</div>
	);
}

function Hosts() {
	const q = parameter('q') ?? '';
	const only = parameter('show') === 'problems';
	const all = [...hosts.value.values()];
	const bad = all.filter((h) => hasProblem.test(h.cells));
	const words = q.toLowerCase().split(/\s+/).filter(Boolean);
	const list = inOrder((only ? bad : all).filter((h) => matches(h, words)));
	return (
		<>
			<div class="bar gap">
				<FilterBox value={q} hint="Filter hosts: name, group:name, state:crit" label="Filter hosts"
					onInput={(text) => replaceParameters({ q: text })} />
				<div class="seg" role="group" aria-label="Which hosts">
					<a href={withParameters({ show: null })} aria-current={only ? undefined : 'true'}>All {all.length}</a>
					<a href={withParameters({ show: 'problems' })} aria-current={only ? 'true' : undefined}>
						With problems {bad.length}</a>
				</div>
			</div>
			<div class="panel">
				{list.length > 0 ? <Grid list={list} /> : <Nothing q={q} only={only} total={all.length} />}
				<Legend />
			</div>
		</>
	);
}

function Nothing({ q, only, total }: { q: string; only: boolean; total: number }) {
	if (total === 0) {
		return <Empty title="No host yet"><p>The first round of samples is under way.</p></Empty>;
	}
	return (
		<Empty title={q ? `No host matches “${q}”` : 'No host with problems'}>
			<p>{plural(total, 'host is', 'hosts are')} known.</p>
			{(q || only) && <a class="btn" href="/">Clear filter</a>}
		</Empty>
	);
}

export function WallPage() {
	if (!loaded.value) {
		return trouble.value
			? <div class="panel"><Broken what="The wall" why={trouble.value} again={() => void refresh()} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	return (
		<>
			<h1 class="hide">Wall</h1>
			<Problems />
			<Hosts />
			<Happenings most={8} />
			<KeyLine keys={[['/', 'filter'], ['j k', 'move'], ['Enter', 'open'], ['g p', 'problems'], ['?', 'all keys']]} />
		</>
	);
}
