// All keys, and the settings for those who have no room for them in the bar.
import { helpOpen } from '../state/keys';
import { Dialog } from './dialog';
import { Icon } from './icon';
import { SettingsForm } from './settings';

const keys: [string, string][] = [
	['/', 'filter'], ['Ctrl K', 'go to any host or service'], ['j k', 'down, up'], ['Enter', 'open'], ['Esc', 'back, close'],
	['g w', 'wall'], ['g p', 'problems'], ['g h', 'hosts'], ['g s', 'sources'], ['[ ]', 'earlier, later'], ['t', 'choose span'],
	['1 … 5', 'hour, day, week, month, year'], ['← →', 'step through a graph'], ['u', 'suppressed problems'], ['?', 'this list'],
];

export function Help() {
	const close = () => {
		helpOpen.value = false;
	};
	return (
		<Dialog label="Keys and settings" onClose={close} wide>
			<header>
				<h2>Keys and settings</h2>
				<span class="push"><button class="btn quiet" aria-label="Close" onClick={close}><Icon name="x" /></button></span>
			</header>
			<div class="body">
				<ul class="swatches desk">
					{keys.map(([key, word]) => (
						<li key={key}>
							<span>{key.split(' ').map((k) => <><kbd>{k}</kbd> </>)}</span><span class="muted">{word}</span>
						</li>
					))}
				</ul>
				<p class="phone"><a href="/sources" onClick={close}>Sources: where samples come from</a></p>
				<SettingsForm />
			</div>
		</Dialog>
	);
}
