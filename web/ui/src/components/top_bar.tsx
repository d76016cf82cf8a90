// The black bar: where one is, what is wrong, and on its lower edge whether the page is live.
import { levelClass } from '../format/level';
import { age, full, seconds } from '../format/time';
import { path } from '../router';
import { now } from '../state/clock';
import { paletteOpen } from '../state/keys';
import { countOf, freshness, newest, offlineSince } from '../state/store';
import type { Level } from '../types';
import { Icon } from './icon';
import { Mark } from './mark';
import { Settings } from './settings';

const pages: [string, string][] = [['/', 'Wall'], ['/problems', 'Problems'], ['/hosts', 'Hosts'], ['/sources', 'Sources']];

export function isCurrent(href: string): 'page' | undefined {
	const here = href === '/' ? path.value === '/' : path.value.startsWith(href);
	return here ? 'page' : undefined;
}

function Brand() {
	return (
		<a class="brand" href="/">
			<svg viewBox="0 0 32 32" role="img" aria-label="Magpie">
				<rect width="32" height="32" rx="7" fill="#fff" />
				<path fill="#0b0e13" d="M29.8 9.2 25.5 7.4A6.3 6.3 0 0 0 19.6 3.1c-3.3 0-5.4 2-6.7 5.1L11.6 11.4c5.4-.2 9.4 2.2 11.2 6.7 2-1.5 3.1-3.7 3.1-6.4z" />
				<path fill="#1f55d6" d="M10.9 13.5 1.9 28.9l2 .5 15.7-9.3c-1.2-4-4.3-6.5-8.7-6.6z" />
				<path fill="#0b0e13" d="M21 21 13.5 25.5c4.3.8 7-.8 7.5-4.5z" />
			</svg>
			<b aria-hidden="true">Magpie</b>
		</a>
	);
}

function Counts() {
	const levels: [Level, string, string][] = [
		['critical', 'critical', 'critical'], ['warning', 'warning', 'warnings'], ['unknown', 'unknown', 'unknown'],
	];
	return (
		<nav class="counts" aria-label="Problems by level">
			{levels.map(([level, one, many]) => {
				const n = countOf(level);
				return (
					<a key={level} href={`/problems?level=${level}`} class={n === 0 ? 'zero' : levelClass[level]}
						title={`${n} ${n === 1 ? one : many}`}>
						<Mark level={level} /><span class="hide">{level} </span>{n}
					</a>
				);
			})}
		</nav>
	);
}

/** How old what one sees is. Not a live region: it changes each second. */
function Live() {
	const state = freshness.value;
	if (state === 'offline') {
		const since = offlineSince.value ?? now.value;
		return <span class="live" title={full(since)}><span>Offline since</span> <b>{seconds(since)}</b></span>;
	}
	if (state === 'connecting' || !Number.isFinite(newest.value)) {
		return <span class="live"><span>No sample yet</span></span>;
	}
	const old = age(now.value - newest.value);
	return (
		<span class="live" title={`Newest sample is ${old} old. ${full(newest.value)}`}>
			<span>{state === 'live' ? 'Live' : 'Stale'}</span> <b>{old}</b>
		</span>
	);
}

function openPalette(): void {
	paletteOpen.value = true;
}

export function TopBar() {
	const state = freshness.value;
	return (
		<header class={`top ${state === 'stale' || state === 'offline' ? state : ''}`} data-theme="dark">
			<Brand />
			<nav class="nav" aria-label="Main">
				{pages.map(([href, name]) => <a key={href} href={href} aria-current={isCurrent(href)}>{name}</a>)}
			</nav>
			<button class="find push" onClick={openPalette}>
				<Icon name="search" /><span>Search</span><span class="hide"> hosts and services </span><kbd>Ctrl K</kbd>
			</button>
			<Counts />
			<Live />
			<Settings />
			<button class="menu-toggle" aria-label="Search" onClick={openPalette}><Icon name="search" /></button>
		</header>
	);
}
