// How events reach this tab.
//
// Where the browser has Web Locks, the tabs elect one that holds the streams for all (hub.ts): the lock passes to the
// next when a tab ends, however it ends, and the new holder asks all tabs to name their topics again. Elsewhere (a plain
// http address that is not this machine) each tab has its own stream and gives it up soon when it is hidden. Where even
// streams are missing, it asks at intervals.
//
// A hidden tab lets go after a while and asks once a minute, for the count in its title. `again` is called whenever
// events may have been missed: after a broken stream, a resync and on waking up.
import { Hub, type FromHub, type ToHub } from './hub';
import { Stream, type EventName } from './stream';
import type { StreamEvents } from './types';

export interface LiveListener {
	event<N extends EventName>(name: N, data: StreamEvents[N]): void;
	link(open: boolean): void;
	/** Ask for everything again. `gap`: events may have been missed for longer than a change of stream takes. */
	again(gap: boolean): void;
}

type Wire = { to: 'hub'; from: string; message: ToHub } | { to: string[]; message: FromHub } | { to: 'all' };

const pollMs = 10_000;
const hiddenPollMs = 60_000;
const pingMs = 30_000;
const sharedHiddenMs = 300_000;
const ownHiddenMs = 30_000;

const self = Math.random().toString(36).slice(2);
const channel = 'locks' in navigator && typeof BroadcastChannel !== 'undefined' && typeof EventSource !== 'undefined'
	? new BroadcastChannel('magpie.live') : null;

let listener: LiveListener;
let topic = '';
let hub: Hub | null = null;
let own: Stream | null = null;
let poll: ReturnType<typeof setInterval> | undefined;
let hidden: ReturnType<typeof setTimeout> | undefined;
let started = false;
let asleep = false;
let wasOpen = false;
let switched = false;

function pollEach(ms: number): void {
	clearInterval(poll);
	poll = ms > 0 ? setInterval(() => listener.again(true), ms) : undefined;
}

function take(name: EventName, text: string): void {
	let data: unknown;
	try {
		data = JSON.parse(text);
	} catch {
		return; /* not ours: a later event or the next question mends it */
	}
	if (name === 'resync') {
		listener.again(true);
	} else {
		listener.event(name, data as StreamEvents[EventName]);
	}
}

function link(open: boolean): void {
	listener.link(open);
	if (open && wasOpen) {
		listener.again(!switched);
		switched = false;
	}
	wasOpen ||= open;
}

function hear(message: FromHub): void {
	if (asleep) {
		return;
	}
	if (message.type === 'event') {
		take(message.name, message.data);
	} else if (message.type === 'link') {
		pollEach(0);
		link(message.open);
	} else {
		pollEach(pollMs);
	}
}

function post(wire: Wire): void {
	channel?.postMessage(wire);
}

function say(message: ToHub): void {
	if (hub) {
		hub.hear(self, message);
	} else {
		post({ to: 'hub', from: self, message });
	}
}

/** This tab holds the streams from now on, for itself and for all others. */
function becomeHub(): void {
	hub = new Hub((to, message) => {
		if (to.some((name) => name !== self)) {
			post({ to, message });
		}
		if (to.includes(self)) {
			hear(message);
		}
	});
	post({ to: 'all' });
	start();
}

function start(): void {
	if (asleep) {
		return;
	}
	if (channel) {
		say({ type: 'topic', topic });
	} else if (typeof EventSource !== 'undefined') {
		own?.close();
		own = new Stream(topic, { event: take, link });
	} else {
		pollEach(pollMs);
	}
}

function sleep(): void {
	asleep = true;
	if (channel) {
		say({ type: 'bye' });
	}
	own?.close();
	own = null;
	pollEach(hiddenPollMs);
}

function wake(): void {
	if (asleep) {
		asleep = false;
		pollEach(0);
		start();
		listener.again(true);
	}
}

function share(bus: BroadcastChannel): void {
	bus.onmessage = ({ data: wire }: MessageEvent<Wire>) => {
		if (wire.to === 'hub') {
			hub?.hear((wire as { from: string }).from, (wire as { message: ToHub }).message);
		} else if (wire.to === 'all') {
			start();
		} else if (wire.to.includes(self)) {
			hear((wire as { message: FromHub }).message);
		}
	};
	void navigator.locks.request('magpie.live', () => {
		becomeHub();
		return new Promise(() => undefined); /* held until the tab ends */
	});
	setInterval(() => asleep || say({ type: 'ping' }), pingMs);
}

/** Begins to listen. The listener must not throw. */
export function startLive(to: LiveListener): void {
	listener = to;
	started = true;
	if (channel) {
		share(channel);
	}
	start();
	addEventListener('pagehide', () => channel && say({ type: 'bye' }));
	addEventListener('pageshow', (e) => {
		if (e.persisted) {
			location.reload(); /* its lock and streams are gone; what it shows is of then */
		}
	});
	document.addEventListener('visibilitychange', () => {
		clearTimeout(hidden);
		if (document.hidden) {
			hidden = setTimeout(sleep, channel ? sharedHiddenMs : ownHiddenMs);
		} else {
			wake();
		}
	});
}

/** Asks for the live values of `next` ('' for none, `host=NAME`, `series=ID,ID`, `sources=1`) beside everything else. */
export function setTopic(next: string): void {
	if (next !== topic) {
		topic = next;
		switched = wasOpen;
		if (started) {
			start();
		}
	}
}
