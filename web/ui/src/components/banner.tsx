// What the reader must know about this page before trusting it: our own faults, said as ours.
import { full, moment, seconds } from '../format/time';
import { freshness, newest, offlineSince, refresh, serverStale, status, trouble } from '../state/store';
import { Age } from './age';
import { Icon } from './icon';
import { Mark } from './mark';

function Offline() {
	const since = offlineSince.value;
	return (
		<div class="notice crit bar" role="alert">
			<p>
				<Mark level="critical" /> <b>This page is offline</b>{since !== null && <> since <time>{seconds(since)}</time></>}.
				The server does not answer; what you see is from then. It is asked again by itself.
			</p>
			<button class="btn" onClick={() => void refresh()}><Icon name="redo" />Try now</button>
		</div>
	);
}

function Stale() {
	return (
		<div class="notice warn bar" role="status">
			<p>
				<Mark level="warning" /> <b>What you see is old.</b>{' '}
				{serverStale.value
					? 'The web role has lost the engine; it shows the last state it was told.'
					: 'The stream is open, but no new sample has arrived.'}{' '}
				{Number.isFinite(newest.value) && <>Newest sample: <Age at={newest.value} suffix=" ago" />.</>}
			</p>
		</div>
	);
}

function Refused({ text }: { text: string }) {
	const at = moment(status.value?.rules_loaded);
	return (
		<div class="notice warn bar refused" role="status">
			<p>
				<Mark level="warning" /> <b>A changed configuration was refused</b>, whole. The one
				{Number.isFinite(at) ? <> of {full(at)}</> : ' before'} goes on.
			</p>
			<pre class="out" tabIndex={0} aria-label="What is wrong with it">{text}</pre>
		</div>
	);
}

export function Banners() {
	const error = status.value?.rules_error;
	const state = freshness.value;
	return (
		<>
			{state === 'offline' && <Offline />}
			{state === 'stale' && <Stale />}
			{state !== 'offline' && trouble.value && (
				<div class="notice warn bar" role="status"><p><Mark level="warning" /> {trouble.value}</p></div>
			)}
			{error && <Refused text={error} />}
		</>
	);
}
