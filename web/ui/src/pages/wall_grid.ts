// The body of the wall, built without a framework: 500 hosts x 40 categories are 20,000 links, and a host's new state
// must touch the few cells that changed and nothing else.
//
// A cell is one <a> in one <td>; its letter and word are its text and its shape comes from the style sheet. Rows stand
// in groups; the order of rows never changes while the page is open, a new host comes at its place.
import { hostPath } from '../api';
import { stripPaths, stripWords } from '../components/strip';
import { plural } from '../format/number';
import { age, moment } from '../format/time';
import type { WallHost } from '../types';

interface Row {
	tr: HTMLTableRowElement;
	host: WallHost;
	cells: (HTMLTableCellElement | null)[];
	seen: HTMLTableCellElement;
	hist: HTMLTableCellElement;
	shown: string;
}

const kinds: Record<string, { kind: string; letter: string; word: string }> = {
	o: { kind: 'ok', letter: '', word: 'ok' },
	n: { kind: 'info', letter: 'N', word: 'notice' },
	w: { kind: 'warn', letter: 'W', word: 'warning' },
	c: { kind: 'crit', letter: 'C', word: 'critical' },
	u: { kind: 'unknown', letter: 'U', word: 'unknown' },
	s: { kind: 'muted', letter: '', word: 'suppressed' },
	x: { kind: 'old', letter: 'old', word: 'last known, too old to trust' },
};

const svgNs = 'http://www.w3.org/2000/svg';

function element<K extends keyof HTMLElementTagNameMap>(name: K, className = '', text = ''): HTMLElementTagNameMap[K] {
	const e = document.createElement(name);
	if (className) {
		e.className = className;
	}
	if (text) {
		e.textContent = text;
	}
	return e;
}

const okCell = element('td');
okCell.append(element('a', 'cell ok'));

function fillCell(td: HTMLTableCellElement, letter: string, name: string, category: string, href: string): void {
	const k = kinds[letter];
	if (!k) {
		td.replaceChildren();
		return;
	}
	const a = element('a', `cell ${k.kind}`);
	a.href = href;
	if (letter === 'o') {
		a.setAttribute('aria-label', `${name} ${category} ok`);
	} else if (letter === 'x') {
		a.append('old', element('span', 'cat', ` ${category}`));
	} else {
		a.append(element('span', 'cat', category), element('span', 'hide', k.word), k.letter);
	}
	td.replaceChildren(a);
}

function strip(letters: string, name: string): SVGSVGElement {
	const svg = document.createElementNS(svgNs, 'svg');
	svg.setAttribute('class', 'strip');
	svg.setAttribute('viewBox', '0 0 119 16');
	svg.setAttribute('preserveAspectRatio', 'none');
	svg.setAttribute('role', 'img');
	svg.setAttribute('aria-label', `${name}, last 24 hours: ${stripWords(letters)}`);
	for (const [kind, d] of Object.entries(stripPaths(letters))) {
		const path = document.createElementNS(svgNs, 'path');
		path.setAttribute('class', kind);
		path.setAttribute('d', d);
		svg.append(path);
	}
	return svg;
}

/** Titles are given to cells as they are pointed at: 20,000 of them ahead would cost a fifth of the time. */
function explain(target: EventTarget | null): void {
	const a = target instanceof Element ? target.closest<HTMLAnchorElement>('a.cell') : null;
	if (a && !a.title) {
		const row = a.closest('tr')?.querySelector('th')?.textContent ?? '';
		const cat = a.querySelector('.cat')?.textContent?.trim() ?? '';
		const word = a.querySelector('.hide')?.textContent ?? (a.classList.contains('old') ? kinds['x']?.word : '') ?? '';
		a.title = a.getAttribute('aria-label') ?? `${row} ${cat}: ${word}`;
	}
}

/** Hosts of one group, with their names shortened by the domain they share. */
function shortNames(names: string[]): Map<string, string> {
	const first = names[0] ?? '';
	const dot = first.indexOf('.');
	const tail = dot > 0 ? first.slice(dot) : '';
	const shared = names.length > 1 && tail !== '' && !/^[\d.]+$/.test(first) && names.every((n) => n.endsWith(tail));
	return new Map(names.map((n) => [n, shared ? n.slice(0, -tail.length) : n]));
}

export class WallGrid {
	private rows = new Map<string, Row>();
	private categories: string[] = [];

	constructor(private readonly body: HTMLTableSectionElement) {
		body.onmouseover = (e) => explain(e.target);
	}

	/** Draws everything anew. `hosts` in the order in which they shall stand. */
	build(hosts: WallHost[], categories: string[]): void {
		this.categories = categories;
		this.rows.clear();
		const groups = new Map<string, WallHost[]>();
		for (const h of hosts) {
			const list = groups.get(h.group);
			if (list) {
				list.push(h);
			} else {
				groups.set(h.group, [h]);
			}
		}
		const all = document.createDocumentFragment();
		for (const [group, list] of groups) {
			all.append(this.groupRow(group, list));
			const short = shortNames(list.map((h) => h.host));
			for (const h of list) {
				all.append(this.hostRow(h, short.get(h.host) ?? h.host));
			}
		}
		this.body.replaceChildren(all);
	}

	private groupRow(group: string, list: WallHost[]): HTMLTableRowElement {
		const tr = element('tr', 'grp');
		const th = element('th');
		th.scope = 'rowgroup';
		th.colSpan = this.categories.length + 1;
		const bad = ([['c', 'critical', 'critical'], ['w', 'warning', 'warnings'], ['u', 'unknown', 'unknown']] as const)
			.map(([letter, one, many]) => [list.filter((h) => h.cells.includes(letter)).length, one, many] as const)
			.filter(([n]) => n > 0)
			.map(([n, one, many]) => plural(n, one, many));
		th.append(group, ' \u00a0', element('span', 'small faint',
			plural(list.length, 'host') + (bad.length > 0 ? `: ${bad.join(', ')}` : '')));
		tr.append(th, element('td', 'hist'), element('td', 'seen'));
		return tr;
	}

	private hostRow(h: WallHost, name: string): HTMLTableRowElement {
		const tr = element('tr');
		tr.dataset['nav'] = '';
		const th = element('th');
		th.scope = 'row';
		const link = element('a', '', name);
		link.href = hostPath(h.host);
		link.title = h.host;
		th.append(link);
		const hist = element('td', 'hist');
		hist.append(strip(h.strip, h.host));
		const seen = element('td', 'seen');
		const cells: HTMLTableCellElement[] = [];
		const base = `${hostPath(h.host)}#`;
		for (let i = 0; i < this.categories.length; i++) {
			cells.push(this.newCell(h.cells[i] ?? '.', name, this.categories[i] ?? '', base));
		}
		tr.append(th, hist, ...cells, seen);
		this.rows.set(h.host, { tr, host: h, cells, seen, hist, shown: '' });
		return tr;
	}

	private newCell(letter: string, name: string, category: string, base: string): HTMLTableCellElement {
		if (letter !== 'o') {
			const td = element('td');
			fillCell(td, letter, name, category, base + encodeURIComponent(category));
			return td;
		}
		const td = okCell.cloneNode(true) as HTMLTableCellElement;
		const a = td.firstChild as HTMLAnchorElement;
		a.setAttribute('href', base + encodeURIComponent(category));
		a.setAttribute('aria-label', `${name} ${category} ok`);
		return td;
	}

	/** Brings a host's row to its new state. False: there is no such row, build again. */
	update(h: WallHost): boolean {
		const row = this.rows.get(h.host);
		if (!row) {
			return false;
		}
		if (row.host === h) {
			return true;
		}
		const name = row.tr.querySelector('th')?.textContent ?? h.host;
		for (let i = 0; i < this.categories.length; i++) {
			const td = row.cells[i];
			if (td && row.host.cells[i] !== h.cells[i]) {
				const category = this.categories[i] ?? '';
				fillCell(td, h.cells[i] ?? '.', name, category, `${hostPath(h.host)}#${encodeURIComponent(category)}`);
			}
		}
		if (row.host.strip !== h.strip) {
			row.hist.replaceChildren(strip(h.strip, h.host));
		}
		row.host = h;
		return true;
	}

	/** Shows how old each host's newest sample is at `nowMs`; `old` says which are too old. */
	tick(nowMs: number, old: (h: WallHost) => boolean): void {
		for (const row of this.rows.values()) {
			const text = age(nowMs - moment(row.host.last_seen));
			const shown = old(row.host) ? `!${text}` : text;
			if (shown !== row.shown) {
				row.shown = shown;
				row.seen.replaceChildren(shown.startsWith('!') ? element('b', 'val unknown small', text) : text);
			}
		}
	}
}
