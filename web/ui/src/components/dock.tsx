// The pages under the thumb, on a phone.
import { paletteOpen, helpOpen } from '../state/keys';
import { Icon } from './icon';
import { isCurrent } from './top_bar';

export function Dock() {
	return (
		<nav class="dock" data-theme="dark" aria-label="Main, phone">
			<a href="/problems" aria-current={isCurrent('/problems')}><Icon name="alert" />Problems</a>
			<a href="/" aria-current={isCurrent('/')}><Icon name="grid" />Wall</a>
			<a href="/hosts" aria-current={isCurrent('/hosts')}><Icon name="host" />Hosts</a>
			<button onClick={() => {
				paletteOpen.value = true;
			}}><Icon name="search" />Search</button>
			<button onClick={() => {
				helpOpen.value = true;
			}}><Icon name="menu" />More</button>
		</nav>
	);
}
