// Starts the browser side: theme first, so that nothing flashes; then what is known, then what changes.
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app';
import { setTopic, startLive } from './live';
import { route, startRouter } from './router';
import { now, startClock } from './state/clock';
import { startFavicon } from './state/favicon';
import { startKeys } from './state/keys';
import { keepFresh, refresh, takeEvent, takeLink } from './state/store';
import { startTheme } from './state/theme';

startTheme();
startRouter();
startKeys();
startClock();
const root = document.getElementById('app');
if (root) {
	render(<App />, root);
}
startFavicon();
void refresh();
effect(() => {
	const r = route.value;
	setTopic(r.page === 'host' || r.page === 'service' ? `host=${encodeURIComponent(r.host)}` : r.page === 'sources' ? 'sources=1' : '');
});
startLive({ event: takeEvent, link: takeLink, again: (gap) => void refresh(gap) });
effect(() => {
	if (now.value) {
		keepFresh();
	}
});
