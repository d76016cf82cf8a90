// The keyboard. Pages add their own keys while they are shown; single keys never act while a field has the focus.
import { signal } from '@preact/signals';
import { navigate } from '../router';
import { singleKeys } from './theme';

export const paletteOpen = signal(false);
export const helpOpen = signal(false);

type Action = () => void;

const pageKeys: Record<string, Action>[] = [];
let leader = '';
let leaderTimer: ReturnType<typeof setTimeout> | undefined;

/** Adds keys of a page or a part of it; call the result to take them away. */
export function addKeys(keys: Record<string, Action>): Action {
	pageKeys.push(keys);
	return () => {
		pageKeys.splice(pageKeys.indexOf(keys), 1);
	};
}

const goTo: Record<string, string> = { w: '/', p: '/problems', h: '/hosts', s: '/sources' };

function typing(target: EventTarget | null): boolean {
	return target instanceof HTMLElement
		&& (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Moves the focus to the link of the next row marked `data-nav`, or the one before. */
function move(by: 1 | -1): void {
	const rows = [...document.querySelectorAll<HTMLElement>('[data-nav]')].filter((r) => r.offsetParent !== null);
	const at = rows.findIndex((r) => r.contains(document.activeElement));
	const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
	const link = next?.querySelector<HTMLElement>('a, button');
	rows.forEach((r) => r.classList.toggle('at', r === next));
	link?.focus();
	next?.scrollIntoView({ block: 'nearest' });
}

const general: Record<string, Action> = {
	j: () => move(1),
	k: () => move(-1),
	'/': () => {
		const box = document.querySelector<HTMLInputElement>('input[data-filter]');
		if (box) {
			box.focus();
			box.select();
		} else {
			paletteOpen.value = true;
		}
	},
	'?': () => {
		helpOpen.value = true;
	},
	g: () => {
		leader = 'g';
		clearTimeout(leaderTimer);
		leaderTimer = setTimeout(() => {
			leader = '';
		}, 1500);
	},
};

function act(event: KeyboardEvent): void {
	const key = event.key;
	if (leader) {
		leader = '';
		const to = goTo[key];
		if (to) {
			event.preventDefault();
			navigate(to);
			return;
		}
	}
	const own = [...pageKeys].reverse().find((keys) => keys[key]);
	const action = own?.[key] ?? general[key];
	if (action) {
		event.preventDefault();
		action();
	}
}

export function startKeys(): void {
	document.addEventListener('keydown', (event) => {
		if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
			event.preventDefault();
			paletteOpen.value = !paletteOpen.value;
			return;
		}
		if (event.key === 'Escape' && typing(event.target)) {
			(event.target as HTMLElement).blur();
			return;
		}
		const free = singleKeys.value || event.key === 'Escape';
		if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target) || !free) {
			return;
		}
		if (!document.querySelector('dialog[open]')) {
			act(event);
		}
	});
}
