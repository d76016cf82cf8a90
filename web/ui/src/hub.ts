// Holds the event streams for all tabs of a browser: a browser opens only six connections to a server, and a stream in
// each tab would let the seventh hang without a word. One tab has the hub (live.ts decides which), the others hear it
// through a BroadcastChannel. A shared worker would do the same, but starting one is forbidden by `trusted-types 'none'`.
//
// A tab has one topic. Tabs of the same topic share a stream; every stream carries the events about everything besides
// its topic's values, so a stream without topic is open only when there is no other. Above three streams a tab is told
// `full` and asks at intervals instead. A tab that closed without a word is dropped when its pings stop.
import { Stream, type EventName } from './stream';

const streamsMax = 3;
const silenceMaxMs = 180_000;

export type ToHub = { type: 'topic'; topic: string } | { type: 'ping' } | { type: 'bye' };
export type FromHub =
	| { type: 'event'; name: EventName; data: string }
	| { type: 'link'; open: boolean }
	| { type: 'full' };

interface Tab {
	topic: string;
	heardMs: number;
	feed: Feed | null;
}

interface Feed {
	stream: Stream;
	open: boolean;
	/** The last hello: a tab that comes later needs it too. */
	hello: string;
}

export class Hub {
	private readonly tabs = new Map<string, Tab>();
	private readonly feeds = new Map<string, Feed>();
	private readonly sweep = setInterval(() => this.dropSilent(), 30_000);

	/** `send` brings a message to the tabs of the given names. */
	constructor(private readonly send: (to: string[], message: FromHub) => void) {}

	hear(from: string, message: ToHub): void {
		const tab = this.tabs.get(from);
		if (message.type === 'bye') {
			this.tabs.delete(from);
			this.settle();
		} else if (message.type === 'topic') {
			this.tabs.set(from, { topic: message.topic, heardMs: Date.now(), feed: tab?.feed ?? null });
			this.settle();
		} else if (tab) {
			tab.heardMs = Date.now();
		}
	}

	close(): void {
		clearInterval(this.sweep);
		this.feeds.forEach((feed) => feed.stream.close());
		this.feeds.clear();
	}

	private listeners(feed: Feed): string[] {
		return [...this.tabs].filter(([, tab]) => tab.feed === feed).map(([name]) => name);
	}

	private open(topic: string): void {
		const stream = new Stream(topic, {
			event: (name, data) => {
				if (name === 'hello') {
					feed.hello = data;
				}
				this.send(this.listeners(feed), { type: 'event', name, data });
			},
			link: (open) => {
				feed.open = open;
				this.send(this.listeners(feed), { type: 'link', open });
			},
		});
		const feed: Feed = { stream, open: false, hello: '' };
		this.feeds.set(topic, feed);
	}

	/** Opens and closes streams until they are what the tabs want, and tells every tab whose feed changed. */
	private settle(): void {
		const wanted = new Set([...this.tabs.values()].map((tab) => tab.topic));
		const named = [...wanted].filter((topic) => topic !== '').slice(0, streamsMax);
		const kept = new Set(named.length > 0 ? named : wanted);
		for (const [topic, feed] of this.feeds) {
			if (!kept.has(topic)) {
				feed.stream.close();
				this.feeds.delete(topic);
			}
		}
		kept.forEach((topic) => this.feeds.has(topic) || this.open(topic));
		this.tabs.forEach((tab, name) => this.assign(name, tab));
	}

	private assign(name: string, tab: Tab): void {
		const any = tab.topic === '' ? [...this.feeds.values()][0] : undefined;
		const feed = this.feeds.get(tab.topic) ?? any ?? null;
		if (feed && feed === tab.feed) {
			return;
		}
		tab.feed = feed;
		if (!feed) {
			this.send([name], { type: 'full' });
		} else if (feed.open) {
			this.send([name], { type: 'link', open: true });
			if (feed.hello) {
				this.send([name], { type: 'event', name: 'hello', data: feed.hello });
			}
		}
	}

	private dropSilent(): void {
		const before = this.tabs.size;
		for (const [name, tab] of this.tabs) {
			if (Date.now() - tab.heardMs > silenceMaxMs) {
				this.tabs.delete(name);
			}
		}
		if (this.tabs.size !== before) {
			this.settle();
		}
	}
}
