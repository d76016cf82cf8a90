// The reader's own choices on this device: theme and single keys.
import { useRef } from 'preact/hooks';
import { singleKeys, theme, themes, type Theme } from '../state/theme';
import { Icon } from './icon';

const words: Record<Theme, string> = {
	system: 'As the system', light: 'Light', dark: 'Dark', contrast: 'High contrast',
};

export function SettingsForm() {
	return (
		<>
			<fieldset class="choices">
				<legend>Theme</legend>
				{themes.map((name) => (
					<label key={name} class="check">
						<input type="radio" name="theme" checked={theme.value === name} onChange={() => {
							theme.value = name;
						}} />{' '}{words[name]}
					</label>
				))}
			</fieldset>
			<label class="check">
				<input type="checkbox" checked={singleKeys.value} onChange={(e) => {
					singleKeys.value = e.currentTarget.checked;
				}} />{' '}Single keys
			</label>
			<p class="small"><a href="/ui/licenses.txt">Licences</a></p>
		</>
	);
}

export function Settings() {
	const box = useRef<HTMLDetailsElement>(null);
	const close = (e: FocusEvent) => {
		if (box.current && !(e.relatedTarget instanceof Node && box.current.contains(e.relatedTarget))) {
			box.current.open = false;
		}
	};
	return (
		<details class="settings" ref={box} onFocusOut={close} onKeyDown={(e) => {
			if (e.key === 'Escape' && box.current?.open) {
				e.preventDefault();
				box.current.open = false;
			}
		}}>
			<summary class="me" aria-label={`Settings, theme: ${words[theme.value]}`}><Icon name="theme" /></summary>
			<div class="menu" tabIndex={-1}><SettingsForm /></div>
		</details>
	);
}
