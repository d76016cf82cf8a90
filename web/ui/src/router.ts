// The address bar is the state: page, filter, span and selection live in the URL. Links are plain <a>; one listener on
// the document turns clicks on our own pages into changes of `url` without a reload.
import { batch, computed, signal } from '@preact/signals';

export const url = signal(new URL(location.href));
export const path = computed(() => url.value.pathname);

export type Route =
	| { page: 'wall' | 'problems' | 'hosts' | 'sources' | 'missing' }
	| { page: 'host'; host: string }
	| { page: 'service'; host: string; service: string };

function decoded(part: string | undefined): string {
	try {
		return decodeURIComponent(part ?? '');
	} catch {
		return part ?? '';
	}
}

function parse(pathname: string): Route {
	const parts = pathname.replace(/\/+$/, '').split('/').slice(1);
	if (parts.length === 0) {
		return { page: 'wall' };
	}
	if (parts.length === 1 && (parts[0] === 'problems' || parts[0] === 'hosts' || parts[0] === 'sources')) {
		return { page: parts[0] };
	}
	if (parts[0] === 'hosts' && parts.length === 2) {
		return { page: 'host', host: decoded(parts[1]) };
	}
	if (parts[0] === 'hosts' && parts.length === 3) {
		return { page: 'service', host: decoded(parts[1]), service: decoded(parts[2]) };
	}
	return { page: 'missing' };
}

export const route = computed(() => parse(path.value));

/** One query parameter, or null. */
export function parameter(name: string): string | null {
	return url.value.searchParams.get(name);
}

/** Goes to `to`, as a click on a link would. */
export function navigate(to: string): void {
	const next = new URL(to, location.href);
	const samePage = next.pathname === location.pathname;
	history.replaceState({ y: scrollY }, '');
	history.pushState(null, '', next);
	batch(() => {
		url.value = next;
	});
	if (!samePage) {
		scrollTo(0, 0);
	}
	if (next.hash) {
		requestAnimationFrame(() => document.getElementById(next.hash.slice(1))?.scrollIntoView());
	}
}

/** The present address with some parameters changed; null takes one away. */
export function withParameters(changes: Record<string, string | null>): string {
	const next = new URL(url.value);
	for (const [name, value] of Object.entries(changes)) {
		if (value === null || value === '') {
			next.searchParams.delete(name);
		} else {
			next.searchParams.set(name, value);
		}
	}
	const query = next.searchParams.toString();
	return next.pathname + (query ? `?${query}` : '');
}

/** Changes parameters in place, without a new entry in the history: for filters while they are typed. */
export function replaceParameters(changes: Record<string, string | null>): void {
	const next = new URL(withParameters(changes), location.href);
	history.replaceState(history.state, '', next);
	url.value = next;
}

function ours(a: HTMLAnchorElement): boolean {
	return a.origin === location.origin && !a.target && !a.hasAttribute('download')
		&& (a.pathname === '/' || /^\/(problems|hosts|sources)(\/|$)/.test(a.pathname));
}

const returnMs = 2000;

/** Back where one was, as soon as the page is long enough again. */
function scrollBack(y: number): void {
	const end = performance.now() + returnMs;
	const attempt = () => {
		scrollTo(0, y);
		if (Math.abs(scrollY - y) > 1 && performance.now() < end) {
			requestAnimationFrame(attempt);
		}
	};
	attempt();
}

export function startRouter(): void {
	history.scrollRestoration = 'manual'; /* the browser would do it before there is anything to scroll */
	addEventListener('popstate', (e) => {
		url.value = new URL(location.href);
		const y: unknown = (e.state as { y?: unknown } | null)?.y;
		if (typeof y === 'number') {
			scrollBack(y);
		}
	});
	document.addEventListener('click', (event) => {
		const a = event.target instanceof Element ? event.target.closest('a') : null;
		const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
		if (!(a instanceof HTMLAnchorElement) || event.defaultPrevented || !plain || !ours(a)) {
			return;
		}
		if (a.hash && a.pathname === location.pathname && a.search === location.search) {
			return; /* within the page: the browser knows how */
		}
		event.preventDefault();
		navigate(a.href);
	});
}
