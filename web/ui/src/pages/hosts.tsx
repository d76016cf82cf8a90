// All hosts as a list: state, how fresh, why not.
import { hostPath } from '../api';
import { Age } from '../components/age';
import { Broken, Empty } from '../components/empty';
import { FilterBox } from '../components/filter_box';
import { KeyLine } from '../components/key_line';
import { Chip } from '../components/mark';
import { Strip } from '../components/strip';
import { rank } from '../format/level';
import { plural } from '../format/number';
import { parameter, replaceParameters } from '../router';
import { hosts, isOld, loaded, problems, refresh, trouble } from '../state/store';
import type { WallHost } from '../types';

function Row({ host: h }: { host: WallHost }) {
	const n = problems.value.filter((a) => a.host === h.host).length;
	return (
		<tr data-nav>
			<td class="nowrap"><Chip level={h.state}>{h.state}</Chip></td>
			<td class="w2"><a href={hostPath(h.host)}><b>{h.host}</b></a></td>
			<td class="muted w2">{h.group}{h.tags && h.tags.length > 0 && <span class="sub">{h.tags.join(', ')}</span>}</td>
			<td class="no opt"><Strip letters={h.strip} of={h.host} /></td>
			<td class={n > 0 ? 'num w2' : 'num no'}>{n > 0 ? plural(n, 'problem') : ''}</td>
			<td class={`nowrap w2 ${isOld(h) ? 'val unknown small' : ''}`} data-l="sample"><Age at={h.last_seen} suffix=" ago" /></td>
			<td class={h.error ? 'muted w2' : 'no'}>{h.error}</td>
		</tr>
	);
}

export function HostsPage() {
	if (!loaded.value) {
		return trouble.value
			? <div class="panel"><Broken what="The hosts" why={trouble.value} again={() => void refresh()} /></div>
			: <div class="panel" aria-busy="true"><Empty title="Reading…" /></div>;
	}
	const q = parameter('q') ?? '';
	const words = q.toLowerCase().split(/\s+/).filter(Boolean);
	const list = [...hosts.value.values()]
		.filter((h) => words.every((w) => `${h.host} ${h.group} ${(h.tags ?? []).join(' ')} ${h.state}`.toLowerCase().includes(w)))
		.sort((a, b) => rank(a.state) - rank(b.state) || a.host.localeCompare(b.host, 'en', { numeric: true }));
	return (
		<>
			<div class="head"><h1>Hosts</h1><span class="muted small">{plural(hosts.value.size, 'host')}, worst first</span></div>
			<div class="bar">
				<FilterBox value={q} hint="Filter: host, group, tag, state" label="Filter hosts"
					onInput={(text) => replaceParameters({ q: text })} />
			</div>
			<div class="panel">
				{list.length === 0
					? <Empty title={q ? `No host matches “${q}”` : 'No host yet'}><p>{plural(hosts.value.size, 'host is', 'hosts are')} known.</p></Empty>
					: (
						<table class="t fold hosts">
							<thead>
								<tr>
									<th scope="col">State</th><th scope="col">Host</th><th scope="col">Group</th>
									<th scope="col" class="opt">24 h</th><th scope="col" class="num">Problems</th>
									<th scope="col">Sample</th><th scope="col">Last round</th>
								</tr>
							</thead>
							<tbody>{list.map((h) => <Row key={h.host} host={h} />)}</tbody>
						</table>
					)}
			</div>
			<KeyLine keys={[['/', 'filter'], ['j k', 'move'], ['Enter', 'open'], ['?', 'all keys']]} />
		</>
	);
}
