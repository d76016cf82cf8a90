// The frame of every page: bar, banners, the page itself, dock and dialogs.
import { Banners } from './components/banner';
import { Dock } from './components/dock';
import { Help } from './components/help';
import { Palette } from './components/palette';
import { TopBar } from './components/top_bar';
import { lazy } from './lazy';
import { Missing } from './pages/missing';
import { ProblemsPage } from './pages/problems';
import { WallPage } from './pages/wall';
import { route } from './router';
import { title } from './state/favicon';
import { helpOpen, paletteOpen } from './state/keys';

const HostPage = lazy(() => import('./more').then((m) => m.HostPage));
const HostsPage = lazy(() => import('./more').then((m) => m.HostsPage));
const ServicePage = lazy(() => import('./more').then((m) => m.ServicePage));
const SourcesPage = lazy(() => import('./more').then((m) => m.SourcesPage));

function Page() {
	const r = route.value;
	switch (r.page) {
	case 'wall':
		title.value = 'Wall';
		return <WallPage />;
	case 'problems':
		title.value = 'Problems';
		return <ProblemsPage />;
	case 'hosts':
		title.value = 'Hosts';
		return <HostsPage />;
	case 'sources':
		title.value = 'Sources';
		return <SourcesPage />;
	case 'host':
		title.value = r.host;
		return <HostPage key={r.host} host={r.host} />;
	case 'service':
		title.value = `${r.host} ${r.service}`;
		return <ServicePage key={`${r.host}/${r.service}`} host={r.host} service={r.service} />;
	default:
		title.value = 'No such page';
		return <Missing what="There is no such page" />;
	}
}

export function App() {
	return (
		<>
			<a class="skip" href="#main">Skip to content</a>
			<TopBar />
			<main class="page" id="main" tabIndex={-1}>
				<Banners />
				<Page />
			</main>
			<Dock />
			{paletteOpen.value && <Palette />}
			{helpOpen.value && <Help />}
		</>
	);
}
