// Fetches the drawing part (uPlot and what draws with it) once, when the first chart comes into view.
import type { PlotModule } from './spec';

let found: Promise<PlotModule> | null = null;

export function loadPlot(): Promise<PlotModule> {
	found ??= import('./plot');
	found.catch(() => {
		found = null; /* ask again with the next chart */
	});
	return found;
}
