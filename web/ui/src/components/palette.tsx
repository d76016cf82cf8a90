// Ctrl K: go to any host or service by parts of its name. Services of a host are read when the words point to it.
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { get, hostPath, servicePath } from '../api';
import { navigate } from '../router';
import { paletteOpen } from '../state/keys';
import { hosts } from '../state/store';
import type { Host, Level } from '../types';
import { Dialog } from './dialog';
import { Icon } from './icon';
import { Mark } from './mark';

interface Target {
	href: string;
	name: string;
	where: string;
	level?: Level;
}

const shownMax = 12;
const hostsReadMax = 4;
/** Services by host, as far as they were read. */
const known = signal<ReadonlyMap<string, Target[]>>(new Map());
const pages: Target[] = [
	{ href: '/', name: 'Wall', where: 'page' }, { href: '/problems', name: 'Problems', where: 'page' },
	{ href: '/hosts', name: 'Hosts', where: 'page' }, { href: '/sources', name: 'Sources', where: 'page' },
];

function hit(t: Target, words: string[]): boolean {
	const text = `${t.name} ${t.where}`.toLowerCase();
	return words.every((w) => text.includes(w));
}

/** Reads the services of the hosts the words may mean, unless that is half the world. */
function readServices(words: string[]): void {
	const names = [...hosts.peek().keys()];
	const meant = names.filter((n) => words.some((w) => w.length > 1 && n.toLowerCase().includes(w)));
	const few = meant.length > 0 ? meant : names;
	for (const name of few.length <= hostsReadMax ? few : []) {
		if (known.peek().has(name)) {
			continue;
		}
		known.value = new Map(known.peek()).set(name, []);
		get<Host>(`/api/v1${hostPath(name)}`).then((h) => {
			const list = h.services.map((s) => ({
				href: servicePath(name, s.service), name: s.title || s.service, where: `${name} ${s.service}`, level: s.state,
			}));
			known.value = new Map(known.peek()).set(name, list);
		}, () => {
			const next = new Map(known.peek());
			next.delete(name);
			known.value = next;
		});
	}
}

function search(text: string): Target[] {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const found = pages.filter((t) => hit(t, words));
	for (const h of hosts.value.values()) {
		const t: Target = { href: hostPath(h.host), name: h.host, where: h.group, level: h.state };
		if (hit(t, words)) {
			found.push(t);
		}
	}
	for (const list of known.value.values()) {
		found.push(...list.filter((t) => hit(t, words)));
	}
	return found.slice(0, shownMax);
}

function Entry({ target: t, at, id }: { target: Target; at: boolean; id: string }) {
	return (
		<li id={id} role="option" aria-selected={at} class={at ? 'at' : ''}>
			<a href={t.href} tabIndex={-1}>
				{t.level ? <Mark level={t.level} /> : <Icon name="right" />}{t.name}<span class="faint">{t.where}</span>
			</a>
		</li>
	);
}

export function Palette() {
	const [text, setText] = useState('');
	const [at, setAt] = useState(0);
	const found = search(text);
	const chosen = Math.min(at, found.length - 1);
	const close = () => {
		paletteOpen.value = false;
	};
	useEffect(() => readServices(text.toLowerCase().split(/\s+/).filter(Boolean)), [text]);
	const key = (e: KeyboardEvent) => {
		if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
			e.preventDefault();
			setAt((chosen + (e.key === 'ArrowDown' ? 1 : found.length - 1)) % Math.max(1, found.length));
		} else if (e.key === 'Enter') {
			e.preventDefault();
			const target = found[chosen];
			if (target) {
				close();
				navigate(target.href);
			}
		}
	};
	return (
		<Dialog label="Go to" onClose={close}>
			<div class="palette">
				<div class="filter">
					<Icon name="search" />
					<input class="bare" autofocus role="combobox" aria-expanded="true" aria-controls="palette-list" value={text}
						aria-activedescendant={found.length > 0 ? `go-${chosen}` : undefined} aria-label="Host or service"
						placeholder="Host or service" autocomplete="off" spellcheck={false} onKeyDown={key} onInput={(e) => {
							setText(e.currentTarget.value);
							setAt(0);
						}} />
					<kbd class="push desk">Esc</kbd>
				</div>
				<ul id="palette-list" class="menu" role="listbox" aria-label="Matches" onClick={close}>
					{found.map((t, i) => <Entry key={t.href} target={t} at={i === chosen} id={`go-${i}`} />)}
				</ul>
				{found.length === 0 && <p class="muted none" role="status">Nothing is called so. {hosts.value.size} hosts are known.</p>}
			</div>
		</Dialog>
	);
}
