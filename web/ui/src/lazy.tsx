// Parts of the pages that the first paint does not need: each is a script of its own, fetched when it is shown first. An
// address that is gone means that another version is served by now: then the whole page is loaded anew, by the reader.
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { Empty } from './components/empty';

type View<P> = (props: P) => JSX.Element | null;

/** A component that stands for the one `fetch` brings. */
export function lazy<P extends object>(fetch: () => Promise<View<P>>): View<P> {
	const part = signal<{ view: View<P> | null; failed: boolean }>({ view: null, failed: false });
	let asked = false;
	const ask = () => {
		asked = true;
		fetch().then(
			(view) => {
				part.value = { view, failed: false };
			},
			() => {
				asked = false;
				part.value = { view: null, failed: true };
			});
	};
	return function Lazy(props: P) {
		const { view: Part, failed } = part.value;
		if (Part) {
			return <Part {...props} />;
		}
		if (!asked && !failed) {
			ask();
		}
		return failed
			? <Empty title="This part could not be loaded"><p>Magpie may have been updated or be out of reach. <a href="">Load the page again</a>.</p></Empty>
			: <p class="hide" aria-busy="true">Loading</p>;
	};
}
